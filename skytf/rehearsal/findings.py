"""What a rehearsal says of the plan: what was measured, converted to full size, beside what was predicted. Pure."""

from __future__ import annotations

from dataclasses import replace

from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.rehearsal.stage import Rehearsal
from skytf.report import Compared, Report

THIS_MACHINE = "this machine"
# From here on the processors had nothing left to give, and so far below what was predicted it shows.
_BUSY = 0.85
_SLOW = 0.8
_GBPS = 125e6  # bytes per second
_DIGITS = 6


def concluded(report: Report, rehearsal: Rehearsal, busy: float | None) -> Report:
    """
    Return *report* as that of *rehearsal*: its rates and times compared, for itself and for the whole plan.

    A measured rate of the whole plan is that of the rehearsal divided by its scale; a measured time is what the
    plan's bytes take at that rate. *busy* is the share of this machine's processors that was used while bytes moved,
    None where nobody looked.
    """
    moving_s = report.phase_s.get("transferring", 0.0)
    gbps = report.goodput_bytes_per_s / _GBPS
    complete = report.outcome == "done" and moving_s > 0 and gbps > 0
    slow = complete and _is_slow(gbps, rehearsal.part)
    limited = slow and busy is not None and busy >= _BUSY
    warnings = [*report.warnings, *rehearsal.notes]
    if limited:
        warnings.append(
            f"this machine was the limit, its processors were busy {busy:.0%} of the time: what was measured says"
            " nothing about the plan; rehearse at a lower rate (--rehearse-rate), or with nothing else running"
        )
    elif slow:
        warnings.append("it was slower than the links allow, and this machine was not the limit")
    rows: tuple[Compared, ...] = ()
    if complete:
        rows = _rows(rehearsal, gbps, moving_s)
    return replace(
        report,
        warnings=tuple(dict.fromkeys(warnings)),
        compared=rows,
        bottleneck=THIS_MACHINE if limited else rehearsal.whole.bottleneck,
        cost=None,
        rehearsal_scale=rehearsal.scale,
    )


def _rows(rehearsal: Rehearsal, gbps: float, moving_s: float) -> tuple[Compared, ...]:
    whole, part = rehearsal.whole, rehearsal.part
    whole_gbps = gbps / rehearsal.scale
    whole_s = rehearsal.whole_bytes / _GBPS / whole_gbps
    return (
        Compared("goodput_gbps", whole.goodput_gbps, round(whole_gbps, _DIGITS)),
        Compared("transfer_s", whole.transfer_s, round(whole_s, 3)),
        Compared("played_goodput_gbps", _rounded(part.goodput_gbps), round(gbps, _DIGITS)),
        Compared("played_transfer_s", _rounded(part.transfer_s), round(moving_s, 3)),
    )


def _is_slow(gbps: float, part: Prediction) -> bool:
    likely = part.goodput_gbps.likely
    return likely is not None and gbps < _SLOW * likely


def _rounded(span: Span) -> Span:
    return span.rounded(_DIGITS)
