"""What was predicted and what was measured, side by side; what was used, and what nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.units import format_bytes
from skytf.cli.tables import BAD, FAIR, plain_table, styled
from skytf.cli.text import count, safe
from skytf.model.span import Span
from skytf.model.usage import Usage
from skytf.render.words import UNKNOWN, amount, duration, duration_range, usd, usd_range
from skytf.report import Compared, Report

_NAMES = {
    "transfer_s": "bytes move",
    "fleet_s": "fleet stands",
    "goodput_gbps": "goodput",
    "egress_usd": "egress",
    "instances_usd": "instances",
    "disks_usd": "disks",
    "addresses_usd": "addresses",
    "requests_usd": "requests",
    "total_usd": "in all",
    "played_goodput_gbps": "goodput as played",
    "played_transfer_s": "bytes move as played",
}
_HEADINGS = ("", "PREDICTED", "BETWEEN", "MEASURED", "")
_TOTAL = "total_usd"


def report_view(report: Report) -> RenderableType:
    """Return *report* as a table of what was predicted and measured, and what belongs to it in words."""
    head = Text.assemble((f"{report.outcome}", "bold"), f"  transfer {safe(report.transfer_id)}")
    lines: list[RenderableType] = [head, *side_by_side(report)]
    lines += [Text(line) for line in _used(report)]
    lines += [Text.assemble(("unknown: ", FAIR), safe(text)) for text in _unknown(report)]
    lines += [Text.assemble(("! ", "yellow"), safe(text)) for text in report.warnings]
    return Group(*lines)


def side_by_side(report: Report) -> Iterator[RenderableType]:
    """Yield what was predicted and measured, and what limited it."""
    if report.rehearsal_scale:
        yield Text(f"  a rehearsal at {report.rehearsal_scale:.3g} of the predicted rates, converted to full size")
    if report.compared:
        yield plain_table(_HEADINGS, [_row(one, report) for one in _sorted(report)])
    else:
        yield Text("  nothing was predicted of this transfer, or an older skytf has written its report")
    if report.bottleneck:
        # A rehearsal has looked whether its machine was slower than the link that was predicted.
        how = "" if report.rehearsal_scale else ", as predicted"
        yield Text(f"bottleneck{how}: {safe(report.bottleneck)}")
    yield from slow_operator(report)


def slow_operator(report: Report) -> Iterator[Text]:
    """Yield which operator held the others up, and for how much of its threads' time it was at work."""
    for one in report.operators:
        if one.name == report.slowest_operator:
            share = one.busy_s / (one.busy_s + one.waiting_s)
            yield Text(f"slowest operator: {safe(one.name)}, at work {share:.0%} of its time")


def brief(report: Report) -> Iterator[Text]:
    """Yield a line of pace, of the slow operator and of cost, for the end of a transfer; what nobody knows has none."""
    rows = {one.what: one for one in report.compared}
    if (pace := rows.get("transfer_s")) and (rate := rows.get("goodput_gbps")) and rate.predicted.likely is not None:
        predicted = f"{_gbps(rate.predicted.likely)} for {duration(pace.predicted.likely)}"
        yield Text.assemble(f"  predicted {predicted}", *_outside(rate, report))
    yield from (Text.assemble("  ", line) for line in slow_operator(report))
    if (total := rows.get(_TOTAL)) and report.cost is not None:
        kinds = (one for what, one in rows.items() if what in _NAMES and what.endswith("_usd") and what != _TOTAL)
        parts = ", ".join(f"{_NAMES[one.what]} {usd(one.measured)}" for one in kinds if one.measured != 0)
        text = f"  cost {_spent(report.cost.total_usd)}, predicted {_predicted_usd(total.predicted)}"
        yield Text.assemble(text + (f" ({parts})" if parts else ""), *_outside(total, report))


def _sorted(report: Report) -> list[Compared]:
    """Pace, kinds of cost, their sum, and whose share it is."""
    return sorted(report.compared, key=lambda one: list(_NAMES).index(one.what) if one.what in _NAMES else len(_NAMES))


def _row(one: Compared, report: Report) -> tuple[Text | str, ...]:
    likely, between, measured = _of(one.what)
    mark = styled("outside", BAD) if report.is_outside(one) else ""
    found = measured(one.measured) if one.measured is not None else _at_least(one, report)
    return _label(one.what, report), likely(one.predicted.likely), between(one.predicted), found, mark


def _at_least(one: Compared, report: Report) -> str:
    """Return the lower bound of what could not be measured, where there is one."""
    if report.cost is None or not one.what.endswith("_usd"):
        return UNKNOWN
    if one.what == _TOTAL:
        return usd_range(Span(report.cost.total_usd.low))
    kind = one.what.removesuffix("_usd")
    if one.what in _NAMES:
        return usd_range(Span(report.cost.of_kind(kind).low))
    shares = (share for share in report.cost.shares if f"{share.job_id}-destination-{share.destination}" == kind)
    return usd_range(Span(next(shares).usd.low))


_Of = tuple[Callable[[float | None], str], Callable[[Span], str], Callable[[float | None], str]]


def _of(what: str) -> _Of:
    """Return how a likely value, a range and a measured value of *what* are written."""
    if what.endswith("_s"):
        return duration, duration_range, duration
    if what.endswith("_gbps"):
        return _gbps, _gbps_range, _gbps
    return usd, usd_range, usd


def _label(what: str, report: Report) -> str:
    if what in _NAMES:
        return _NAMES[what]
    for job in report.jobs:
        for index, destination in enumerate(job.destinations):
            if what == f"{job.job_id}-destination-{index}_usd":
                return f"→ {destination.url}"
    return what.removesuffix("_usd").replace("_", " ")


def _gbps(value: float | None) -> str:
    return UNKNOWN if value is None else f"{amount(value)} Gbit/s"


def _gbps_range(span: Span) -> str:
    if span.high is None:
        return f"at least {_gbps(span.low)}" if span.low else UNKNOWN
    return f"{amount(span.low)} to {_gbps(span.high)}"


def _spent(total: Span) -> str:
    return usd(total.likely) if total.likely is not None else usd_range(Span(total.low))


def _predicted_usd(span: Span) -> str:
    if span.likely is None:
        return usd_range(span)
    return usd(span.likely) if span.low == span.high else f"{usd(span.likely)}, {usd_range(span)}"


def _outside(one: Compared, report: Report) -> list[tuple[str, str]]:
    return [("  outside what was predicted", BAD)] if report.is_outside(one) else []


def _used(report: Report) -> Iterator[str]:
    if report.used is None:
        return
    for way in report.used.moved:
        yield f"used: {_most(way.wire_bytes, _size)} from {safe(way.source)} to {safe(way.target)}"
    for site in report.used.fleet:
        yield f"used: {count(site.gateways, 'gateway')} of {site.region} for {_most(site.seconds, duration)}"
    for end, asked in _asked(report.used).items():
        yield f"used: {asked} of {safe(_url(end, report))}"


def _asked(used: Usage) -> dict[str, str]:
    """Return end → its requests by operation, in words."""
    found: dict[str, list[str]] = {}
    for one in used.requests:
        found.setdefault(one.end, []).append(f"{_most(one.count, lambda value: f'{value:,.0f}')} {one.operation}")
    return {end: f"{', '.join(parts)} requests" for end, parts in found.items()}


def _url(end: str, report: Report) -> str:
    for job in report.jobs:
        urls = {f"{job.job_id}-destination-{index}": one.url for index, one in enumerate(job.destinations)}
        if url := ({f"{job.job_id}-source": job.source} | urls).get(end):
            return url
    return end


def _size(value: float) -> str:
    return format_bytes(round(value))


def _most(span: Span, write: Callable[[float], str]) -> str:
    """Return a quantity, or the lower bound of one that nobody counted to its end."""
    if span.likely is not None:
        return write(span.likely)
    return (
        f"at least {write(span.low)}"
        if span.low
        else "an unknown amount"
        if span.high is None
        else f"up to {write(span.high)}"
    )


def _unknown(report: Report) -> tuple[str, ...]:
    if report.cost is not None:
        return report.cost.unknown
    return () if report.used is None else report.used.unknown
