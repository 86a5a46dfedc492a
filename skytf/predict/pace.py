"""From what limits a transfer to its pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.prediction import LinkPrediction, Prediction
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology
from skytf.predict.resources import (
    Resource,
    link_capacities,
    link_name,
    requests_at,
    resources_of,
)
from skytf.sites import regions_of
from skytf.volume.asked import requests_of
from skytf.volume.pieces import Pieces, pieces_by_job, wire_bytes
from skytf.volume.ways import Way, is_own_machine, sites_of, ways

_SECONDS_DIGITS, _GBPS_DIGITS = 3, 6
_STORES = "What stores let one read and write in a second: not known. Where they allow less, it takes longer."
_COMPRESSION = "How well the objects compress: not counted on, it can only make it faster and cheaper."
_OWN_MACHINE = "How fast this machine, its disks and its network are: not known."


def predict(request: Request, surveys: Sequence[JobSurvey], topology: Topology, figures: Figures) -> Prediction:
    """
    Return how fast what *surveys* found should pass through *topology*.

    All jobs run at once, so the phase lasts as long as the resource that is busy longest. Without the throughput of
    each link nothing is likely; a cap that is not known leaves the likely time where something else limits the bytes,
    and opens the upper bound. That is then the time limit of the fleet, after which its gateways halt.

    Args:
        request: What was asked for.
        surveys: What the sources hold.
        topology: Where it passes.
        figures: Of its sites and links; what is missing is not known.
    """
    passed = ways(request, topology)
    pieces = pieces_by_job(surveys, request.settings)
    wire = {job_id: wire_bytes(one, request.settings) for job_id, one in pieces.items()}
    capacities = link_capacities(sites_of(passed), request, topology, figures)
    asked = requests_at(request, requests_of(request, pieces), topology)
    resources = [*resources_of(passed, wire, capacities, topology, figures), *asked]
    moving = any(one.objects for one in pieces.values())
    busy = _busy(resources) if moving else Span.exactly(0.0)
    # Low is less where some of it may be there already; that is no faster pace.
    all_of_it = {job_id: Span(float(pieces[job_id].size_bytes), one.likely, one.high) for job_id, one in wire.items()}
    pace = _busy([*resources_of(passed, all_of_it, capacities, topology, figures), *asked]) if moving else busy
    fleet = busy + figures.boot_s.value + figures.teardown_s.value
    limit_s = request.ttl_minutes * 60.0
    transfer = _bounded(busy, limit_s)
    delivered = sum(len(job.destinations) * pieces.get(job.job_id, Pieces()).size_bytes for job in request.jobs)
    return Prediction(
        goodput_gbps=_rate(delivered, pace).rounded(_GBPS_DIGITS),
        transfer_s=transfer.rounded(_SECONDS_DIGITS),
        fleet_s=_bounded(fleet, limit_s).rounded(_SECONDS_DIGITS),
        links=_links(passed, pieces, capacities, pace),
        bottleneck=_bottleneck(resources) if moving else "",
        unknown=_unknown(request, passed, figures, resources, fleet),
    )


def _busy(resources: Sequence[Resource]) -> Span:
    """Return how long the slowest of *resources* is busy."""
    known = [one.seconds for one in resources]
    likely = [one.likely for one in known if one.likely is not None]
    high = [one.high for one in known if one.high is not None]
    missing = any(one.seconds.likely is None for one in resources if one.needed)
    return Span(
        max((one.low for one in known), default=0.0),
        None if missing or not likely else max(likely),
        None if missing or not high or len(high) < len(known) else max(high),
    )


def _bounded(seconds: Span, limit_s: float) -> Span:
    """Return *seconds*, which a fleet's own limit ends where nothing else bounds them."""
    if seconds.high is not None:
        return seconds
    return Span(seconds.low, seconds.likely, max(limit_s, seconds.low, seconds.likely or 0.0))


def _bottleneck(resources: Sequence[Resource]) -> str:
    """Return the name of what is busy longest; of those that are equally busy, the first one by name."""
    known = [(one.seconds.likely, one.name) for one in resources if one.seconds.likely]
    if not known or any(one.seconds.likely is None for one in resources if one.needed):
        return ""
    longest = max(seconds for seconds, _ in known)
    return min(name for seconds, name in known if seconds == longest)


def _rate(size_bytes: int, seconds: Span) -> Span:
    """Return at how many Gbit/s *size_bytes* move in *seconds*."""
    if not size_bytes:
        return Span.exactly(0.0)
    gbits = size_bytes * 8 / 1e9
    return Span(
        gbits / seconds.high if seconds.high else 0.0,
        gbits / seconds.likely if seconds.likely else None,
        gbits / seconds.low if seconds.low else None,
    )


def _links(
    passed: Sequence[Way], pieces: Mapping[str, Pieces], capacities: Mapping[tuple[Region, Region], Span], pace: Span
) -> tuple[LinkPrediction, ...]:
    loads: dict[tuple[Region, Region], int] = {}
    for way in passed:
        if way.source and way.target:
            pair = (way.source, way.target)
            loads[pair] = loads.get(pair, 0) + pieces.get(way.job_id, Pieces()).size_bytes
    return tuple(
        LinkPrediction(
            source=pair[0],
            target=pair[1],
            capacity_gbps=capacities[pair].rounded(_GBPS_DIGITS),
            flow_gbps=_rate(load, pace).rounded(_GBPS_DIGITS),
            object_bytes=load,
        )
        for pair, load in sorted(loads.items())
    )


def _unknown(
    request: Request, passed: Sequence[Way], figures: Figures, resources: Sequence[Resource], fleet: Span
) -> tuple[str, ...]:
    """Return in words what was not taken into account."""
    words = []
    between = {link_name(*pair) for pair in sites_of(passed)}
    for one in resources:
        if one.capacity.likely is None and one.needed:
            the = "" if one.name in between else "the "
            words.append(f"The throughput of {the}{one.name}: not known, so no time can be predicted.")
        elif one.capacity.likely is None:
            words.append(f"The cap on the {one.name}: not known, taken for no limit.")
    if any(is_own_machine(str(region)) for region in regions_of(request)):
        words.append(_OWN_MACHINE)
    if any(way.source is None or way.target is None for way in passed):
        words.append(_STORES)
    if request.settings.compression != "none" and sites_of(passed):
        words.append(_COMPRESSION)
    if figures.boot_s.value.likely is None:
        words.append("How long VMs take to start: not known.")
    if figures.teardown_s.value.likely is None:
        words.append("How long VMs take to go: not known.")
    if fleet.high is None:
        words.append(f"The longest time: not known, so it is the time limit of the fleet ({request.ttl_minutes} min).")
    return tuple(words)
