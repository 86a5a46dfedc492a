"""Which bytes pass from where to where: stores, sites and the links between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from skytf.clouds import CLOUDS
from skytf.clouds.sheet import cloud_of_store, sheet
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region
from skytf.model.topology import Topology
from skytf.model.usage import End

# What gateways have with them: disks, memory, and what a rehearsal makes up and discards. No network lies between.
_AT_HAND = frozenset({"file", "memory", "generated", "discard"})
# Stores that are the operator's own: nobody bills a question to them.
OWN_SCHEMES = _AT_HAND | {"hdfs"}


@dataclass(frozen=True, slots=True)
class Way:
    """
    One step that the bytes of one job take, all of them and each once.

    ``source`` and ``target`` are the sites at its ends, None where that end is a store. ``source_place`` and
    ``target_place`` say where the ends are as `EgressFigures` does. ``ends`` are the destinations it serves.
    """

    job_id: str
    source: Region | None
    target: Region | None
    source_place: str
    target_place: str
    ends: tuple[End, ...]

    @property
    def leaves(self) -> bool:
        """Whether the bytes leave the place that they come from, so that somebody may bill them."""
        return is_billed(self.source_place, self.target_place)


def is_billed(source_place: str, target_place: str) -> bool:
    """Whether somebody may bill what passes from one place to the other: not within a place, nor on this machine."""
    return source_place != target_place and not (is_own_machine(source_place) and is_own_machine(target_place))


def is_own_machine(place: str) -> bool:
    """Whether *place* is the text of a region of this machine."""
    cloud = place.partition(":")[0]
    return cloud in CLOUDS and sheet(cloud).provider is None


def ways(request: Request, topology: Topology) -> tuple[Way, ...]:
    """
    Return the ways of all jobs in their order: read, links, written.

    A byte for two destinations behind one link passes it once (`mux_and` has one branch for each next site); paths
    are read and written without a network, so they have no way of their own.
    """
    found: list[Way] = []
    for job in request.jobs:
        routes = [route for route in topology.routes if route.job_id == job.job_id]
        everywhere = tuple((job.job_id, route.destination) for route in routes)
        here = job.source.region
        if job.source.store.scheme not in _AT_HAND:
            found.append(Way(job.job_id, None, here, place_of(job.source), str(here), everywhere))
        behind: dict[tuple[Region, Region], list[End]] = {}
        for route in routes:
            for pair in pairwise(route.regions):
                behind.setdefault(pair, []).append((job.job_id, route.destination))
        found += [
            Way(job.job_id, source, target, str(source), str(target), tuple(ends))
            for (source, target), ends in sorted(behind.items())
        ]
        for route in routes:
            end = job.destinations[route.destination]
            if end.store.scheme not in _AT_HAND:
                last = route.regions[-1]
                one = ((job.job_id, route.destination),)
                found.append(Way(job.job_id, last, None, str(last), place_of(end), one))
    return tuple(found)


def crossings(request: Request, topology: Topology) -> tuple[tuple[str, str], ...]:
    """Return the places between which bytes pass that somebody may bill, each pair once, sorted."""
    return tuple(sorted({(way.source_place, way.target_place) for way in ways(request, topology) if way.leaves}))


def place_of(end: Endpoint) -> str:
    """
    Return where the store of *end* is: the text of its gateways' region where it stands with them, else its address.

    What has an address of its own, and what is the operator's, stands with gateways that are this machine.
    """
    store, region = end.store, end.region
    here = is_own_machine(str(region))
    if not (store.endpoint_url or store.scheme in OWN_SCHEMES):
        cloud = cloud_of_store(store.scheme, CLOUDS)
        here = cloud == region.cloud and store.region in {"", region.name}
    return str(region) if here else f"{store.scheme}://{store.bucket}"


def sites_of(passed: Iterable[Way]) -> tuple[tuple[Region, Region], ...]:
    """Return the pairs of sites that *passed* links, each once, sorted."""
    return tuple(sorted({(way.source, way.target) for way in passed if way.source and way.target}))
