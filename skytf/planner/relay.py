"""Relay: every byte passes one site in between, which forwards what it cannot read."""

from __future__ import annotations

from skytf.errors import NoTopology
from skytf.model.job import Request
from skytf.model.topology import Route, Topology
from skytf.planner.base import topology_of


def topology(request: Request) -> Topology:
    """
    Return the topology by way of ``request.via``.

    Raises:
        NoTopology: The relay is the source or a destination of a job, or no bytes leave their site, so there is nothing
            to relay.
    """
    via = request.via
    routes = []
    for job in request.jobs:
        for index, destination in enumerate(job.destinations):
            if via is None or via in (job.source.region, destination.region):
                raise NoTopology(
                    f"{via} cannot relay from {job.source.region} to {destination.region}: it is one of the ends",
                    hint="name another region with --via, or leave it out",
                )
            if destination.region == job.source.region:
                routes.append(Route(job.job_id, index, (job.source.region,)))
            else:
                routes.append(Route(job.job_id, index, (job.source.region, via, destination.region)))
    if all(len(route.regions) == 1 for route in routes):
        raise NoTopology(
            f"{via} has nothing to relay: gateways in {routes[0].regions[0]} serve both ends",
            hint="leave out --via, or let the ends be served from different regions: --src-region, --dst-region",
        )
    return topology_of("relay", request, routes)
