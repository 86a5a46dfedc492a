"""From topology to gateways: one program for each, pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import msgspec

from gateway.errors import BadProgram
from gateway.program import Group, Peer, Program, Step, receives, steps, validate
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.topology import Gateway, Route, Topology


def programs(topology: Topology, request: Request) -> dict[str, Program]:
    """Return gateway id → program, for every gateway of *topology*."""
    made = {gateway.gateway_id: _program(gateway, topology, request) for gateway in topology.gateways}
    check_fleet(made)
    return made


def check_fleet(programs: Mapping[str, Program]) -> None:
    """
    Check what no gateway can see alone: that links have two ends, and that chunks arrive and do not go in circles.

    Raises:
        BadProgram: They do not; the message names the gateways.
    """
    for name, program in programs.items():
        validate(program)
        for peer in program.peers:
            there = programs.get(peer.gateway)
            back = [one for one in there.peers if one.gateway == name] if there else []
            if not back or back[0].dial == peer.dial:
                what = "no program" if there is None else "no link back" if not back else "the same idea of who dials"
                raise BadProgram(f"{name} has a link with {peer.gateway}, which has {what}")
        for partition, destinations in program.sinks.items():
            for destination, sinks in destinations.items():
                for sink in sinks:
                    if not _writes(programs.get(sink), partition, int(destination)):
                        raise BadProgram(
                            f"{sink} does not write destination {destination} of {partition!r}, as {name} says"
                        )
    for partition in sorted({partition for program in programs.values() for partition in _heads(program)}):
        _check_way(partition, programs)


def _writes(program: Program | None, partition: str, destination: int) -> bool:
    head = _heads(program).get(partition) if program else None
    return head is not None and any(step.params.get("destination") == destination for step in steps(head))


def _heads(program: Program) -> dict[str, Step]:
    return {partition: group.head for group in program.groups for partition in group.partitions}


def _check_way(partition: str, programs: Mapping[str, Program]) -> None:
    """Follow the chunks of *partition* from gateway to gateway."""
    heads = {name: _heads(program).get(partition) for name, program in programs.items()}
    sends = {
        name: sorted({str(step.params["peer"]) for step in steps(head) if step.op == "send"})
        for name, head in heads.items()
        if head is not None
    }
    for name, targets in sends.items():
        for target in targets:
            there = heads.get(target)
            if there is None or not receives(there):
                raise BadProgram(f"{name} sends chunks of {partition!r} to {target}, which does not receive them")
    try:
        tuple(TopologicalSorter(sends).static_order())
    except CycleError as error:
        raise BadProgram(f"chunks of {partition!r} go in a circle: {' ← '.join(error.args[1])}") from error


def _program(gateway: Gateway, topology: Topology, request: Request) -> Program:
    return Program(
        gateway=gateway.gateway_id,
        groups=_grouped(
            (job.job_id, head) for job in request.jobs if (head := _head(job, gateway.region, topology)) is not None
        ),
        peers=_peers(gateway.gateway_id, topology),
        routes=_next_hops(gateway.gateway_id, topology),
        sinks={
            job.job_id: {
                str(index): _sinks(gateway, job, destination, topology)
                for index, destination in enumerate(job.destinations)
            }
            for job in request.jobs
        },
        settings=request.settings,
    )


def _sinks(gateway: Gateway, job: Job, destination: Endpoint, topology: Topology) -> tuple[str, ...]:
    """Return who may own an object; where the site is also the source's, each gateway owns what it reads."""
    if destination.region == job.source.region == gateway.region:
        return (gateway.gateway_id,)
    return tuple(sink.gateway_id for sink in topology.at(destination.region))


def _grouped(heads: Iterable[tuple[str, Step]]) -> tuple[Group, ...]:
    """Put partitions with the same tree into one group, so that they share its threads and queues."""
    groups: list[Group] = []
    for partition, head in heads:
        for position, group in enumerate(groups):
            if group.head == head:
                groups[position] = Group((*group.partitions, partition), head)
                break
        else:
            groups.append(Group((partition,), head))
    return tuple(groups)


def _head(job: Job, here: Region, topology: Topology) -> Step | None:
    """Return the tree of *job* at the site *here*, or None where the job does not pass it."""
    routes = [route for route in topology.routes if route.job_id == job.job_id and here in route.regions]
    if not routes:
        return None
    branches = [
        *_sends(routes, here, topology),
        *(
            _write(job.destinations[route.destination], route.destination, recursive=job.recursive)
            for route in routes
            if route.regions[-1] == here
        ),
    ]
    reached = tuple(sorted(route.destination for route in routes))
    only = branches[0] if len(branches) == 1 else Step("mux_and", destinations=reached, children=tuple(branches))
    if here == job.source.region:
        params = {"store": _store(job.source), "prefix": job.source.prefix, "recursive": job.recursive}
        return Step(_verb("read", job.source), params, reached, (only,))
    return Step("receive", {}, reached, (only,))


def _sends(routes: list[Route], here: Region, topology: Topology) -> list[Step]:
    """Return one branch for each next site: its gateways compete for the chunks."""
    by_next: dict[Region, list[int]] = {}
    for route in routes:
        position = route.regions.index(here)
        if position + 1 < len(route.regions):
            by_next.setdefault(route.regions[position + 1], []).append(route.destination)
    branches = []
    for region, reached in sorted(by_next.items()):
        destinations = tuple(sorted(reached))
        sends = tuple(Step("send", {"peer": gateway.gateway_id}, destinations) for gateway in topology.at(region))
        branches.append(sends[0] if len(sends) == 1 else Step("mux_or", {}, destinations, sends))
    return branches


def _write(destination: Endpoint, index: int, *, recursive: bool) -> Step:
    params = {
        "store": _store(destination),
        "prefix": destination.prefix,
        "recursive": recursive,
        "destination": index,
        # the gateways of a local site are processes of one machine; those of any other site do not share a disk
        "shared_disk": destination.store.scheme == "file",
    }
    return Step(_verb("write", destination), params, (index,))


def _verb(verb: str, endpoint: Endpoint) -> str:
    return f"{verb}_local" if endpoint.store.scheme == "file" else f"{verb}_object_store"


def _store(endpoint: Endpoint) -> Mapping[str, str]:
    spec: dict[str, str] = msgspec.to_builtins(endpoint.store)
    return {name: value for name, value in spec.items() if value}


def _peers(gateway_id: str, topology: Topology) -> tuple[Peer, ...]:
    peers: dict[str, Peer] = {}
    for link in topology.links:
        if gateway_id not in (link.source, link.target):
            continue
        sends = link.source == gateway_id
        other = link.target if sends else link.source
        # Links come sorted, so where two jobs cross between two sites both ends take the same link's word
        # on who dials, and the pair has one set of connections.
        if other not in peers:
            peers[other] = Peer(other, dial=link.dialled_by_source == sends, connections=link.connections)
    return tuple(peers[name] for name in sorted(peers))


def _next_hops(start: str, topology: Topology) -> dict[str, tuple[str, ...]]:
    """Return gateway → peers of *start* on a shortest way to it, over links taken in either direction."""
    neighbours: dict[str, set[str]] = {gateway.gateway_id: set() for gateway in topology.gateways}
    for link in topology.links:
        neighbours[link.source].add(link.target)
        neighbours[link.target].add(link.source)
    distance = {start: 0}
    first_hops: dict[str, set[str]] = {start: set()}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for there in sorted(neighbours[here]):
            if there not in distance:
                distance[there] = distance[here] + 1
                first_hops[there] = set()
                queue.append(there)
            if distance[there] == distance[here] + 1:
                first_hops[there] |= {there} if here == start else first_hops[here]
    return {name: tuple(sorted(hops)) for name, hops in sorted(first_hops.items()) if name != start}
