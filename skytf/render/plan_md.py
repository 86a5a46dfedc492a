"""PLAN.md: what a reviewer reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.units import format_bytes
from skytf.model.job import Job, Request
from skytf.model.survey import JobSurvey
from skytf.model.topology import Route, Topology
from skytf.render.templates import fill

# GitHub cuts a pull request's text at 65,536 characters; people paste PLAN.md there.
MAX_CHARS = 65_535
_ROWS = (200, 50, 10, 3)  # the longest tables that fit are shown; three rows of everything always do
_TEXT_CHARS = 300
_BLANKS = re.compile(rb"\n{3,}")
_BACKTICKS = re.compile("`+")


@dataclass(frozen=True, slots=True)
class _Totals:
    objects: int
    size: str
    gateways: int


@dataclass(frozen=True, slots=True)
class _SiteRow:
    region: str
    count: int


@dataclass(frozen=True, slots=True)
class _Way:
    source: str
    destination: str
    what: str
    sites: str


def plan_md(
    request: Request,
    surveys: Sequence[JobSurvey],
    topology: Topology,
    *,
    manifest_digest: str = "",
    not_checked: Sequence[str] = (),
) -> bytes:
    """
    Return PLAN.md, at most `MAX_CHARS` characters.

    Args:
        request: What was asked for.
        surveys: What its sources hold.
        topology: The fleet.
        manifest_digest: The SHA-256 of ``transfer.json``, hexadecimal.
        not_checked: Sentences beside those that always hold.
    """
    jobs = {job.job_id: job for job in request.jobs}
    text = b""
    for rows in _ROWS:
        text = fill(
            "PLAN.md.j2",
            rows=rows,
            request=request,
            surveys=surveys,
            topology=topology,
            manifest_digest=manifest_digest,
            totals=_Totals(
                sum(one.objects for one in surveys),
                format_bytes(sum(one.bytes for one in surveys)),
                len(topology.gateways),
            ),
            sites=[_SiteRow(str(one), len(topology.at(one))) for one in topology.regions()],
            ways=[_way(route, jobs[route.job_id]) for route in topology.routes],
            prediction=_prediction(topology),
            not_checked=[*_unchecked(topology), *not_checked],
            code=code,
            size=format_bytes,
            more=_more(rows),
        )
        text = _BLANKS.sub(b"\n\n", text)  # where a table was short, nothing stands for the rest of it
        if len(text.decode()) <= MAX_CHARS:
            break
    return text


def code(text: str) -> str:
    """
    Return *text*, which a user or a bucket wrote, as a Markdown code span that shows it and does nothing else.

    Control and direction-changing characters are written as escapes; a long text loses its middle.
    """
    if len(text) > _TEXT_CHARS:
        text = f"{text[: _TEXT_CHARS // 2]} … {text[-_TEXT_CHARS // 2 :]}"
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    # A space at both ends is part of the span's syntax where the text itself begins or ends with a backtick or space.
    pad = " " if shown[:1] in ("`", " ") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _way(route: Route, job: Job) -> _Way:
    return _Way(
        source=job.source.url,
        destination=job.destinations[route.destination].url,
        what=f"{job.job_id}, {'everything below it' if job.recursive else 'one object'}",
        sites=" → ".join(str(region) for region in route.regions),
    )


def _prediction(topology: Topology) -> str:
    if topology.predicted_gbps is None:
        return "No throughput is predicted: nothing is known about these links."
    cost = "" if topology.predicted_usd is None else f", about ${topology.predicted_usd:.2f}"
    return f"Predicted: {topology.predicted_gbps:.2f} Gbit/s{cost}."


def _unchecked(topology: Topology) -> list[str]:
    lines = ["The content of the objects: names, sizes and versions were read, not the bytes."]
    if topology.predicted_usd is None:
        lines.append("Prices and quota.")
    return lines


def _more(rows: int) -> Callable[[Sequence[object], str], str]:
    def more(table: Sequence[object], where: str) -> str:
        return f"And {len(table) - rows} more, in {where}.\n" if len(table) > rows else ""

    return more
