"""Direct: gateways at both ends of every job, each source gateway linked with each destination gateway."""

from __future__ import annotations

from skytf.model.job import Request
from skytf.model.topology import Route, Topology
from skytf.planner.base import topology_of


def topology(request: Request) -> Topology:
    """
    Return the n-by-n topology without relays.

    A destination in the source's own region needs no link: the source gateways write it themselves.
    """
    routes = [
        Route(
            job.job_id,
            index,
            (job.source.region,)
            if destination.region == job.source.region
            else (job.source.region, destination.region),
        )
        for job in request.jobs
        for index, destination in enumerate(job.destinations)
    ]
    return topology_of("direct", request, routes)
