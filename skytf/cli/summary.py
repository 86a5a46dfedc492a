"""The end of a transfer in a few lines: what moved, how fast, what did not and why, what is left."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.units import format_bytes, format_rate
from skytf.cli.report_view import brief, side_by_side
from skytf.cli.text import count, format_duration, safe
from skytf.report import DestinationResult, Failure, JobResult, Report

_SHOWN_FAILURES = 20
_HEADLINES = {
    "done": ("✓ Done in {}", "bold green"),
    "incomplete": ("✗ Incomplete after {}: some objects did not arrive", "bold red"),
    "failed": ("✗ Failed after {}", "bold red"),
    "interrupted": ("✗ Interrupted after {}", "bold red"),
}
_DIGESTS = {
    "store": "digests compared with the store's own",
    "mixed": "digests compared with the store's own, where it reported one",
    "sinks": "digests compared with what the gateways handed over",
}


def summary(report: Report, *, warned: Collection[str] = ()) -> RenderableType:
    """Return *report* for people; warnings that were shown already (*warned*) are left out."""
    headline, style = _HEADLINES.get(report.outcome, (f"{report.outcome} after {{}}", "bold"))
    name = f"  transfer {safe(report.transfer_id)}"
    lines: list[RenderableType] = [
        Text.assemble((headline.format(format_duration(report.elapsed_s)), style), (name, "dim"))
    ]
    for job in report.jobs:
        lines += _job(job)
    lines += _ready(report)
    lines += _speed(report)
    lines += side_by_side(report) if report.rehearsal_scale else brief(report)
    lines += _failures(report)
    lines += [Text.assemble(("! ", "yellow"), safe(text)) for text in report.warnings if text not in warned]
    lines += _fleet(report)
    lines += _next(report)
    return Group(*lines)


def _job(job: JobResult) -> Iterator[Text]:
    yield Text.assemble(
        "  ", (safe(job.source), "cyan"), f"  {count(job.objects, 'object')}, {format_bytes(job.bytes)}"
    )
    for destination in job.destinations:
        yield Text.assemble("  → ", (safe(destination.url), "cyan"), "  ", _delivered(destination))
    if job.not_copied:
        reasons = ", ".join(f"{number:,} {safe(reason)}" for reason, number in sorted(job.not_copied.items()))
        yield Text(f"    not copied: {reasons}", style="yellow")


def _delivered(result: DestinationResult) -> Text:
    parts = [f"{result.done:,} copied ({format_bytes(result.bytes_done)})"]
    if result.before:
        parts.append(f"{result.before:,} copied before")
    if result.skipped:
        parts.append(f"{result.skipped:,} there already")
    parts.append(f"{result.verified:,} verified")
    if result.done and result.digests in _DIGESTS:
        parts.append(_DIGESTS[result.digests])
    text = Text(", ".join(parts))
    return text.append(f", {result.failed:,} failed", style="bold red") if result.failed else text


def _speed(report: Report) -> Iterator[Text]:
    moving_s = report.phase_s.get("transferring", 0.0)
    if moving_s and report.goodput_bytes_per_s:
        resent = f", {count(report.frames_resent, 'frame')} sent again" if report.frames_resent else ""
        yield Text(f"  {format_rate(report.goodput_bytes_per_s)} for {format_duration(moving_s)}{resent}")


def _ready(report: Report) -> Iterator[Text]:
    if "deploying" not in report.phase_s:
        return
    applying_s, deploying_s = report.phase_s.get("applying", 0.0), report.phase_s["deploying"]
    steps = ", ".join(
        f"{safe(one.step)} {format_duration(one.seconds)} ({safe(one.gateway_id)})"
        for one in report.host_steps
        if one.step != "all"
    )
    yield Text(
        f"  all gateways ready in {format_duration(applying_s + deploying_s)}: terraform"
        f" {format_duration(applying_s)}, hosts {format_duration(deploying_s)}{f'; slowest: {steps}' if steps else ''}",
        style="dim",
    )


def _failures(report: Report) -> Iterator[Text]:
    for failure in report.failures[:_SHOWN_FAILURES]:
        yield _failure(failure)
    counted = sum(one.failed for job in report.jobs for one in job.destinations)
    hidden = max(counted, len(report.failures)) - _SHOWN_FAILURES
    if hidden > 0:
        yield Text(f"  and {hidden:,} more")
    if report.failures_file:
        yield Text(f"  all of them: {safe(report.failures_file)}")


def _failure(failure: Failure) -> Text:
    hint = f" ({safe(failure.hint)})" if failure.hint else ""
    return Text.assemble(
        ("  ✗ ", "red"), safe(failure.source), " → ", safe(failure.destination), f": {safe(failure.error)}{hint}"
    )


def _fleet(report: Report) -> Iterator[Text]:
    lost = f", {len(report.gateways_lost)} of them lost on the way" if report.gateways_lost else ""
    if not report.left:
        sure = f", {count(report.unsearched, 'cloud')} not searched for more" if report.unsearched else ", nothing left"
        yield Text(f"  {count(report.gateways, 'gateway')}{lost}; fleet destroyed{sure}", style="dim")
        return
    yield Text(f"  {count(report.gateways, 'gateway')}{lost}; not everything could be removed:", style="bold red")
    for name in report.left:
        yield Text(f"    {safe(name)}", style="red")


def _next(report: Report) -> Iterator[Text]:
    if report.left:
        yield Text.assemble(("Next: ", "bold"), "skytf reap removes what is left")
    if report.outcome != "done" and not report.rehearsal_scale:
        yield Text.assemble(("Next: ", "bold"), f"skytf resume {safe(report.transfer_id)} moves what is missing")
