"""The contract of a strategy, and the pieces that every strategy puts together."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol

from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.topology import Gateway, Link, Route, Topology

LOCAL_CLOUD = "local"


class Strategy(Protocol):
    """A way to choose a topology: pure, deterministic, ties broken by name."""

    def __call__(self, request: Request) -> Topology:
        """
        Return a topology that serves every job and destination of *request*.

        Raises:
            NoTopology: None meets the constraints.
        """


def gateways_at(regions: Iterable[Region], *, instances: int) -> tuple[Gateway, ...]:
    """Return *instances* gateways in each of *regions*, sorted by id."""
    found = [Gateway(f"{region.slug}-{n}", region) for region in set(regions) for n in range(instances)]
    return tuple(sorted(found, key=lambda gateway: gateway.gateway_id))


def links_along(
    routes: Iterable[Route], gateways: tuple[Gateway, ...], *, connections: int, local_cloud: str = LOCAL_CLOUD
) -> tuple[Link, ...]:
    """
    Return a link from every gateway of a site to every gateway of the next site of a route.

    A gateway on the operator's machine cannot be dialled from outside, so it dials; otherwise the sending side does.
    """
    links = {
        Link(
            source.gateway_id,
            target.gateway_id,
            connections,
            dialled_by_source=not (target.region.cloud == local_cloud and source.region.cloud != local_cloud),
        )
        for route in routes
        for here, there in pairwise(route.regions)
        for source in gateways
        for target in gateways
        if source.region == here and target.region == there
    }
    return tuple(sorted(links, key=lambda link: (link.source, link.target)))


def topology_of(strategy: str, request: Request, routes: Iterable[Route]) -> Topology:
    """Return the n-by-n topology over the sites that *routes* pass."""
    ordered = tuple(sorted(routes, key=lambda route: (route.job_id, route.destination)))
    gateways = gateways_at((region for route in ordered for region in route.regions), instances=request.instances)
    return Topology(
        strategy=strategy,
        gateways=gateways,
        links=links_along(ordered, gateways, connections=request.connections),
        routes=ordered,
    )
