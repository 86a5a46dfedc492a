"""What a rehearsal says of the plan: what was measured, converted to full size, beside what was predicted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.rehearsal.stage import Rehearsal
from skytf.report import Compared, Report

THIS_MACHINE = "this machine"
# From here on the processors had nothing left to give, and so far below what was predicted it shows.
_BUSY = 0.85
# From here on others may have had to wait for a processor now and then, which is what shaped links do not forgive.
_LOADED = 0.7
_SLOW = 0.8
_GBPS = 125e6  # bytes per second
_DIGITS = 6
# Links pass no more than they are shaped to: what is measured above that, at most so much, is when receipts came in.
_NOISE = 1.02


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What was noticed while bytes moved, None where nobody looked.

    ``busy`` is the share of this machine's processors that was used, ``steady_bytes_per_s`` the pace with full links.
    """

    busy: float | None = None
    steady_bytes_per_s: float | None = None


def concluded(report: Report, rehearsal: Rehearsal, seen: Seen) -> Report:
    """
    Return *report* as that of *rehearsal*: its rates and times compared, for itself and for the whole plan.

    A measured rate of the whole plan is the steady one of the rehearsal divided by its scale: of a plan that is much
    larger, filling and emptying the links are a small part. Its measured time is what its bytes take at that rate.
    Nothing is said of the plan where this machine was slower than the links, or where it is limited by what was not
    played.
    """
    moving_s = report.phase_s.get("transferring", 0.0)
    gbps = report.goodput_bytes_per_s / _GBPS
    complete = report.outcome == "done" and moving_s > 0 and gbps > 0
    steady_gbps = gbps if seen.steady_bytes_per_s is None or not rehearsal.is_part else seen.steady_bytes_per_s / _GBPS
    slow = complete and _is_slow(steady_gbps, rehearsal.part)
    limited = slow and (seen.busy or 0.0) >= _BUSY
    warnings = list(report.warnings)
    if limited:
        warnings.append(
            f"this machine was the limit, its processors were busy {seen.busy:.0%} of the time: what was measured says"
            " nothing about the plan; rehearse at a lower rate (--rehearse-rate), or with nothing else running"
        )
    elif slow:
        warnings.append(_slower(seen.busy))
    return replace(
        report,
        warnings=tuple(warnings),
        compared=(*_of_whole(rehearsal, None if limited else steady_gbps), *_of_part(rehearsal, gbps, moving_s))
        if complete
        else (),
        bottleneck=THIS_MACHINE if limited else rehearsal.whole.bottleneck,
        cost=None,
        rehearsal_scale=rehearsal.scale,
    )


def _slower(busy: float | None) -> str:
    """Return what is said of a pace far below the predicted one, by how busy the processors were meanwhile."""
    if busy is None:
        return "it was slower than the links allow; nobody looked how busy this machine was"
    if busy < _LOADED:
        return "it was slower than the links allow, and the processors of this machine were not the limit"
    return (
        f"this machine may have been the limit, its processors were busy {busy:.0%} of the time: rehearse again at a"
        " lower rate (--rehearse-rate), or with nothing else running"
    )


def _of_whole(rehearsal: Rehearsal, gbps: float | None) -> tuple[Compared, ...]:
    """Return what *gbps* means for the plan: nothing where what limits the plan was not played."""
    whole = rehearsal.whole
    if gbps is None or not rehearsal.plays_limit:
        return Compared("goodput_gbps", whole.goodput_gbps, None), Compared("transfer_s", whole.transfer_s, None)
    whole_gbps = gbps / rehearsal.scale
    whole_s = rehearsal.whole_bytes / _GBPS / whole_gbps
    most_gbps = whole.goodput_gbps.high
    if most_gbps is not None and most_gbps < whole_gbps <= _NOISE * most_gbps:
        whole_gbps, whole_s = most_gbps, whole.transfer_s.low
    return (
        Compared("goodput_gbps", whole.goodput_gbps, round(whole_gbps, _DIGITS)),
        Compared("transfer_s", whole.transfer_s, round(whole_s, 3)),
    )


def _of_part(rehearsal: Rehearsal, gbps: float, moving_s: float) -> tuple[Compared, ...]:
    part = rehearsal.part
    return (
        Compared("played_goodput_gbps", _rounded(part.goodput_gbps), round(gbps, _DIGITS)),
        Compared("played_transfer_s", _rounded(part.transfer_s), round(moving_s, 3)),
    )


def _is_slow(gbps: float, part: Prediction) -> bool:
    likely = part.goodput_gbps.likely
    return likely is not None and gbps < _SLOW * likely


def _rounded(span: Span) -> Span:
    return span.rounded(_DIGITS)
