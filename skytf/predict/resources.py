"""What bytes and requests pass through a topology, and how much of it each place can take per second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from skytf.model.figures import Figures, LinkFigures
from skytf.model.job import LinkShape, Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.topology import Topology
from skytf.model.usage import Requests
from skytf.predict.connections import share
from skytf.volume.asked import LIST
from skytf.volume.ways import Way, is_own_machine

# What one gateway asks its stores in a second. Measured 2026-11 with boto3 over HTTPS, objects of 4 KiB, a fast server
# on the same two cores: 100 to 150 with 16 threads (they share one interpreter), 600 to 850 with one. How far away a
# real store is and what it allows is not in it.
REQUESTS_PER_S = Span(100.0, 125.0, 850.0)
_BYTES_PER_GBIT = 1e9 / 8
_NOTHING = Span.exactly(0.0)


@dataclass(frozen=True, slots=True)
class Resource:
    """
    Something that limits a transfer: *load* (bytes, or requests) passes it, at most *capacity* of it in a second.

    ``needed`` says that without its capacity nothing can be said about the whole.
    """

    name: str
    load: Span
    capacity: Span
    needed: bool = False

    @property
    def seconds(self) -> Span:
        """How long it is busy: not known where the capacity is not, or could be nothing."""
        low = self.load.low / self.capacity.high if self.capacity.high else 0.0
        return Span(
            low, _over(self.load.likely, self.capacity.likely), _over(self.load.high, self.capacity.low or None)
        )


def bytes_per_s(gbps: Span) -> Span:
    """Return a rate in Gbit/s as bytes per second."""
    return gbps.scaled(_BYTES_PER_GBIT)


def link_capacities(
    pairs: Iterable[tuple[Region, Region]], request: Request, topology: Topology, figures: Figures
) -> dict[tuple[Region, Region], Span]:
    """Return for each pair of sites what their gateways reach together, Gbit/s."""
    count = Counter(gateway.region for gateway in topology.gateways)
    known = {(one.source, one.target): one for one in figures.links}
    found = {}
    for source, target in pairs:
        shape = _shape(request, source, target)
        lines = (count[source], count[target])
        measured = known.get((source, target))
        found[source, target] = _measured(measured, lines, request) if shape is None else _shaped(shape, lines, request)
    return found


def resources_of(
    passed: Iterable[Way],
    wire: Mapping[str, Span],
    capacities: Mapping[tuple[Region, Region], Span],
    topology: Topology,
    figures: Figures,
) -> list[Resource]:
    """
    Return the links and sites with the bytes that pass them, *wire* of each job.

    A site's egress cap holds for what leaves its region; its network's for each direction by itself, and in the worst
    case (clouds do not say it alike) for both together. Where no egress cap is known, as much can leave as was measured
    on one link. A network that is not known is needed where nothing else limits what a job moves at a site.
    """
    passed = tuple(passed)
    loads = _loads(passed, wire)
    found = [
        Resource(link_name(*pair), load, bytes_per_s(capacities.get(pair, Span())), needed=True)
        for pair, load in sorted(loads.links.items())
    ]
    count = Counter(gateway.region for gateway in topology.gateways)
    sites = {one.region: one for one in figures.sites}
    alone = _unlimited(passed, {region: one.egress_cap_gbps.value for region, one in sites.items()})
    for region in sorted(loads.sent.keys() | loads.received.keys()):
        own = is_own_machine(str(region))
        if own and region not in alone:
            continue
        both = _busier(loads.sent.get(region, _NOTHING), loads.received.get(region, _NOTHING))
        network = sites[region].network_gbps.value if region in sites and not own else Span()
        capacity = bytes_per_s(network.scaled(count[region]))
        found.append(Resource(f"network of {region}", both, capacity, needed=region in alone))
        if region in loads.leaving and not own:
            cap = (sites[region].egress_cap_gbps.value if region in sites else Span()).scaled(count[region])
            seen = max((span.low for pair, span in capacities.items() if pair[0] == region), default=0.0)
            cap = cap if cap.known else Span(max(cap.low, seen), cap.likely, cap.high)
            found.append(Resource(f"egress of {region}", loads.leaving[region], bytes_per_s(cap)))
    return found


@dataclass(slots=True)
class _Loads:
    """Bytes over each link, and of each site: all that it sends, what of that leaves its region, all it receives."""

    links: dict[tuple[Region, Region], Span] = field(default_factory=dict)
    sent: dict[Region, Span] = field(default_factory=dict)
    leaving: dict[Region, Span] = field(default_factory=dict)
    received: dict[Region, Span] = field(default_factory=dict)


def _loads(passed: Iterable[Way], wire: Mapping[str, Span]) -> _Loads:
    loads = _Loads()
    for way in passed:
        load = wire.get(way.job_id, _NOTHING)
        if way.source and way.target:
            loads.links[way.source, way.target] = loads.links.get((way.source, way.target), _NOTHING) + load
        if way.source:
            loads.sent[way.source] = loads.sent.get(way.source, _NOTHING) + load
        if way.source and way.leaves:
            loads.leaving[way.source] = loads.leaving.get(way.source, _NOTHING) + load
        if way.target:
            loads.received[way.target] = loads.received.get(way.target, _NOTHING) + load
    return loads


def _unlimited(passed: Sequence[Way], caps: Mapping[Region, Span]) -> set[Region]:
    """
    Return the sites where a job moves bytes from or to a store, and neither a link nor a known cap of *caps* limits it.

    The operator's own line to a store elsewhere is limited by no link: a shape is that of a link within the machine.
    """
    limited = set()
    for way in passed:
        if way.source and way.target:
            limited |= {(way.job_id, way.source), (way.job_id, way.target)}
        elif way.source and way.leaves and caps.get(way.source, Span()).likely is not None:
            limited.add((way.job_id, way.source))
    found = set()
    for way in passed:
        site = way.source or way.target
        if site and not (way.source and way.target):
            far = way.leaves and is_own_machine(str(site))
            if far or (way.job_id, site) not in limited:
                found.add(site)
    return found


def requests_at(request: Request, asked: Iterable[Requests], topology: Topology) -> list[Resource]:
    """Return what the gateways of each site ask their stores; listing is the operator's machine's work."""
    where = {}
    for job in request.jobs:
        where[f"{job.job_id}-source"] = job.source.region
        for index, destination in enumerate(job.destinations):
            where[f"{job.job_id}-destination-{index}"] = destination.region
    loads: dict[Region, Span] = {}
    for one in asked:
        if one.operation != LIST:
            region = where[one.end]
            loads[region] = loads.get(region, Span.exactly(0.0)) + one.count
    count = Counter(gateway.region for gateway in topology.gateways)
    return [
        Resource(f"requests of {region}", load, REQUESTS_PER_S.scaled(count[region]))
        for region, load in sorted(loads.items())
    ]


def link_name(source: Region, target: Region) -> str:
    """Return how a link is called: ``aws:us-east-1 -> gcp:us-central1``."""
    return f"{source} -> {target}"


def _busier(sent: Span, received: Span) -> Span:
    return Span(max(sent.low, received.low), _larger(sent.likely, received.likely), (sent + received).high)


def _shape(request: Request, source: Region, target: Region) -> LinkShape | None:
    # As a fleet does it: the first that names both ends, in either direction.
    return next((one for one in request.shapes if {one.source, one.target} == {source, target}), None)


def _shaped(shape: LinkShape, lines: tuple[int, int], request: Request) -> Span:
    """Return what the relays between all pairs let through; this machine may be slower than that."""
    rates = [shape.link_mbps, shape.connection_mbps * request.connections]
    per_pair = min((rate for rate in rates if rate), default=0.0)
    gbps = per_pair * lines[0] * lines[1] / 1_000
    return Span(0.0, gbps, gbps) if per_pair else Span()


def _measured(figures: LinkFigures | None, lines: tuple[int, int], request: Request) -> Span:
    """
    Return what was measured between one gateway of each, times the gateways of the site that has fewer.

    A gateway has connections with all of the other side; where these are fewer than were measured with, they may have
    their share only (`skytf.predict.connections`).
    """
    if figures is None:
        return Span()
    part = share(request.connections * max(lines), request.settings.congestion, figures.rtt_ms.value.likely)
    return (figures.throughput_gbps.value * part).scaled(min(lines))


def _over(load: float | None, capacity: float | None) -> float | None:
    if load == 0.0:
        return 0.0
    return None if load is None or not capacity else load / capacity


def _larger(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
