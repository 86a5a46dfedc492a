"""What all runs of a transfer came to, beside what was predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from skytf.bundle import Bundle
from skytf.cost import price
from skytf.measured.counted import unknown_usage
from skytf.model.cost import KINDS, Cost
from skytf.model.span import Span
from skytf.model.topology import Topology
from skytf.model.usage import End, FleetTime, Moved, Requests, RunUsage, Usage
from skytf.report import Compared, Report

_GBIT = 1e9
_SECONDS_DIGITS, _GBPS_DIGITS, _USD_DIGITS = 3, 6, 6
_NONE = Span.exactly(0.0)


@dataclass(frozen=True, slots=True)
class Achieved:
    """
    What a transfer came to, all of its runs together; None where nobody could measure it.

    ``goodput_gbps`` is that of the runs that ended in order.
    """

    transfer_s: float | None
    fleet_s: float | None
    goodput_gbps: float | None
    used: Usage
    cost: Cost


def achieved(bundle: Bundle, runs: Sequence[RunUsage]) -> Achieved:
    """Return what *runs* of *bundle* came to; what was used is priced as the plan was, with the bundle's figures."""
    used = sum_of(run.usage if run.ended else unknown_usage(bundle, run.fleet_s) for run in runs)
    ended = [run for run in runs if run.ended]
    transfer_s = sum(run.transfer_s for run in ended)
    delivered = sum(size for run in ended for _, size in run.usage.delivered)
    return Achieved(
        transfer_s=transfer_s if len(ended) == len(runs) else None,
        fleet_s=Span.total(run.fleet_s for run in runs).likely,
        goodput_gbps=delivered * 8 / _GBIT / transfer_s if transfer_s and delivered else None,
        used=used,
        cost=price(used, bundle.manifest.request, bundle.manifest.figures),
    )


def compare(topology: Topology, reached: Achieved) -> tuple[Compared, ...]:
    """Return what was predicted of *topology* beside what was *reached*: pace, then cost by kind and destination."""
    return (*_pace(topology, reached), *_costs(topology, reached.cost))


def reported(report: Report, bundle: Bundle, runs: Sequence[RunUsage]) -> Report:
    """Return *report* with what *runs* used and reached."""
    reached = achieved(bundle, runs)
    prediction = bundle.topology.prediction
    return replace(
        report,
        compared=compare(bundle.topology, reached),
        bottleneck="" if prediction is None else prediction.bottleneck,
        used=reached.used,
        cost=reached.cost,
    )


def sum_of(usages: Iterable[Usage]) -> Usage:
    """Return several usages as one, equal rows added up, so that tiers and hours count for all of them together."""
    moved: dict[tuple[str, str, tuple[End, ...]], Span] = {}
    fleet: dict[FleetTime, Span] = {}
    asked: dict[tuple[str, str, tuple[End, ...]], tuple[Span, Span]] = {}
    delivered: Counter[End] = Counter()
    unknown: dict[str, None] = {}
    for usage in usages:
        for way in usage.moved:
            key = way.source, way.target, way.ends
            moved[key] = moved.get(key, _NONE) + way.wire_bytes
        for time in usage.fleet:
            site = replace(time, seconds=_NONE)
            fleet[site] = fleet.get(site, _NONE) + time.seconds
        for one in usage.requests:
            key = one.end, one.operation, one.ends
            count, read = asked.get(key, (_NONE, _NONE))
            asked[key] = count + one.count, read + one.read_bytes
        delivered.update(dict(usage.delivered))
        unknown |= dict.fromkeys(usage.unknown)
    return Usage(
        moved=tuple(Moved(source, target, sent, ends) for (source, target, ends), sent in sorted(moved.items())),
        fleet=tuple(replace(site, seconds=seconds) for site, seconds in fleet.items()),
        requests=tuple(
            Requests(end, operation, count, ends, read)
            for (end, operation, ends), (count, read) in sorted(asked.items(), key=lambda item: item[0])
        ),
        delivered=tuple(sorted(delivered.items())),
        unknown=tuple(unknown),
    )


def _pace(topology: Topology, reached: Achieved) -> Iterator[Compared]:
    prediction = topology.prediction
    if prediction is None:
        return
    yield Compared("transfer_s", prediction.transfer_s, _rounded(reached.transfer_s, _SECONDS_DIGITS))
    yield Compared("fleet_s", prediction.fleet_s, _rounded(reached.fleet_s, _SECONDS_DIGITS))
    yield Compared("goodput_gbps", prediction.goodput_gbps, _rounded(reached.goodput_gbps, _GBPS_DIGITS))


def _costs(topology: Topology, cost: Cost) -> Iterator[Compared]:
    predicted = topology.cost
    if predicted is None:
        return
    yield _usd("total_usd", predicted.total_usd, cost.total_usd)
    for kind in KINDS:
        yield _usd(f"{kind}_usd", predicted.of_kind(kind), cost.of_kind(kind))
    shares = {(one.job_id, one.destination): one.usd for one in cost.shares}
    for one in predicted.shares:
        end = one.job_id, one.destination
        yield _usd(f"{end[0]}-destination-{end[1]}_usd", one.usd, shares[end])


def _usd(what: str, predicted: Span, used: Span) -> Compared:
    return Compared(what, predicted.rounded(_USD_DIGITS), _rounded(used.likely, _USD_DIGITS))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
