"""From the counts of gateways and of this machine to what one run used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.program import Group, steps
from skytf.bundle import Bundle
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.topology import Topology
from skytf.model.usage import End, FleetTime, Moved, Requests, Usage
from skytf.monitor.events import Totals
from skytf.volume.ways import OWN_SCHEMES, Way, ways

GET, PUT, PART, LIST = "get", "put", "multipart-part", "list"
READ, WRITTEN = "read_bytes", "written_bytes"
# To look at an object costs what reading it does; deleting and aborting is free at AWS (aws.amazon.com/s3/pricing:
# "DELETE and CANCEL requests are free"), and so it is taken to be elsewhere.
_BILLED_AS = {"head": GET, "delete": ""}
# What gateways ask of an end, of which nothing is known when they fall silent.
_OF_SOURCE, _OF_DESTINATION = (GET, READ), (GET, PUT, PART, WRITTEN)
_NONE = Span.exactly(0.0)

# End of a job (``<job id>-source``) → operation or bytes → how much.
Stores = Mapping[str, Mapping[str, Span]]


@dataclass(frozen=True, slots=True)
class Counted:
    """
    What was counted in one run.

    ``totals`` is what each gateway said last. Of those that were ``started``, the ``final`` ones said it at the end; of
    the others nobody knows what followed. ``own`` is what this machine asked of stores: end → operation → requests.
    """

    totals: Mapping[str, Totals] = field(default_factory=dict)
    started: frozenset[str] = frozenset()
    final: frozenset[str] = frozenset()
    own: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def silent(self) -> frozenset[str]:
        """The gateways whose counts are lower bounds."""
        return self.started - self.final


def usage_of(bundle: Bundle, counted: Counted, fleet_s: Span, delivered: Mapping[End, int]) -> Usage:
    """
    Return what one run of *bundle* used.

    Args:
        bundle: Says where gateways stand, and which ways bytes take.
        counted: By gateways and by this machine. What a silent gateway did counts as a lower bound.
        fleet_s: How long the fleet stood; a lost gateway counts to the end.
        delivered: Object bytes that each destination got.
    """
    used = _usage(bundle, _stores(bundle, counted), _links(bundle.topology, counted), fleet_s)
    unknown = tuple(f"what {name} did after it was last heard" for name in sorted(counted.silent))
    return replace(used, delivered=tuple(sorted(delivered.items())), unknown=unknown)


def unknown_usage(bundle: Bundle, fleet_s: Span) -> Usage:
    """Return that of a run that was killed: all that *bundle* may use, without a figure, and *fleet_s*."""
    everybody = frozenset(bundle.programs)
    silent = Counted(started=everybody)
    stores = {name: {LIST: Span(), **counts} for name, counts in _stores(bundle, silent).items()}
    used = _usage(bundle, stores, _links(bundle.topology, silent), fleet_s)
    return replace(used, unknown=("what a run did that was killed",))


def _usage(bundle: Bundle, stores: Stores, links: Mapping[tuple[Region, Region], Span], fleet_s: Span) -> Usage:
    request, topology = bundle.manifest.request, bundle.topology
    passed = ways(request, topology)
    shared = _shared(bundle)
    size = Counter(gateway.region for gateway in topology.gateways)
    between = (
        Moved(str(source), str(target), moved, _ends_of(passed, source, target))
        for (source, target), moved in sorted(links.items())
        if moved != _NONE
    )
    return Usage(
        moved=(*between, *_with_stores(passed, stores, shared)),
        fleet=tuple(FleetTime(region, size[region], fleet_s) for region in sorted(size)),
        requests=tuple(_requests(request, stores, shared)),
        delivered=(),
    )


def _links(topology: Topology, counted: Counted) -> dict[tuple[Region, Region], Span]:
    """
    Return what passed between sites, in each direction: the link carries acknowledgements and messages back.

    Who received it knows of a silent gateway what it sent, as far as it arrived.
    """
    at = {gateway.gateway_id: gateway.region for gateway in topology.gateways}
    # Where jobs cross, two gateways have a link in each direction, and one set of connections.
    both_ways = {pair for link in topology.links for pair in ((link.source, link.target), (link.target, link.source))}
    moved: dict[tuple[Region, Region], Span] = {}
    for sender, receiver in sorted(both_ways):
        if at[sender] == at[receiver]:
            continue
        sent = counted.totals.get(sender, Totals()).sent_to.get(receiver, 0)
        received = counted.totals.get(receiver, Totals()).received_from.get(sender, 0)
        silent = sender in counted.silent
        one = Span(float(max(sent, received))) if silent else Span.exactly(float(sent))
        pair = at[sender], at[receiver]
        moved[pair] = moved.get(pair, _NONE) + one
    return moved


def _ends_of(passed: Sequence[Way], source: Region, target: Region) -> tuple[End, ...]:
    """Return for whom bytes pass between two sites; where none do in this direction, those that they answer."""
    for pair in ((source, target), (target, source)):
        if found := {end for way in passed if (way.source, way.target) == pair for end in way.ends}:
            return tuple(sorted(found))
    return ()


def _with_stores(passed: Iterable[Way], stores: Stores, shared: Mapping[str, tuple[End, ...]]) -> Iterator[Moved]:
    """Yield what was read from and written to stores that lie elsewhere: object bytes, repeats included."""
    for way in passed:
        if not way.leaves or (way.source is not None and way.target is not None):
            continue
        name = f"{way.job_id}-source" if way.source is None else _name(way.ends[0])
        moved = stores.get(name, {}).get(READ if way.source is None else WRITTEN, _NONE)
        if moved != _NONE:
            yield Moved(way.source_place, way.target_place, moved, shared[name])


def _requests(request: Request, stores: Stores, shared: Mapping[str, tuple[End, ...]]) -> Iterator[Requests]:
    endpoints = _endpoints(request)
    for name, counts in sorted(stores.items()):
        if endpoints[name].store.scheme in OWN_SCHEMES:
            continue
        billed: dict[str, Span] = {}
        for operation, count in counts.items():
            kind = _BILLED_AS.get(operation, operation)
            if kind and operation not in (READ, WRITTEN):
                billed[kind] = billed.get(kind, _NONE) + count
        for operation, count in sorted(billed.items()):
            yield Requests(name, operation, count, shared[name], counts.get(READ, _NONE) if operation == GET else _NONE)


def _stores(bundle: Bundle, counted: Counted) -> dict[str, dict[str, Span]]:
    found: dict[str, dict[str, Span]] = {}
    told = [one.stores for one in counted.totals.values()]
    for stores in (*told, counted.own):
        for name, counts in stores.items():
            of_name = found.setdefault(name, {})
            for operation, count in counts.items():
                of_name[operation] = of_name.get(operation, _NONE) + Span.exactly(float(count))
    for gateway in sorted(counted.silent):
        for group in bundle.programs[gateway].groups:
            for name in _names(group):
                of_name = found.setdefault(name, {})
                for operation in _OF_SOURCE if name.endswith("-source") else _OF_DESTINATION:
                    of_name[operation] = Span(of_name.get(operation, _NONE).low)
    return found


def _names(group: Group) -> list[str]:
    """Return the ends that a gateway with *group* counts: those of its first partition stand for all."""
    found = [f"{group.partitions[0]}-source"] if "store" in group.head.params else []
    return found + [
        _name((group.partitions[0], one.params["destination"]))
        for one in steps(group.head)
        if "destination" in one.params
    ]


def _shared(bundle: Bundle) -> dict[str, tuple[End, ...]]:
    """Return end → the destinations that what is asked of it is for."""
    found: dict[str, set[End]] = {}
    of_job = {
        job.job_id: [(job.job_id, index) for index in range(len(job.destinations))]
        for job in bundle.manifest.request.jobs
    }
    for job_id, ends in of_job.items():
        found[f"{job_id}-source"] = set(ends)
        for end in ends:
            found[_name(end)] = {end}
    for program in bundle.programs.values():
        for group in program.groups:
            for name in _names(group):
                for job_id in group.partitions:
                    found[name] |= {end for end in of_job[job_id] if name.endswith(("-source", f"-{end[1]}"))}
    return {name: tuple(sorted(ends)) for name, ends in found.items()}


def _name(end: End) -> str:
    return f"{end[0]}-destination-{end[1]}"


def _endpoints(request: Request) -> dict[str, Endpoint]:
    found = {}
    for job in request.jobs:
        found[f"{job.job_id}-source"] = job.source
        found |= {_name((job.job_id, index)): end for index, end in enumerate(job.destinations)}
    return found
