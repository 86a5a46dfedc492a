"""PLAN.md: what a reviewer reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.units import format_bytes
from skytf.model.job import Job, Request
from skytf.model.review import Page
from skytf.model.topology import Route, Topology
from skytf.render.cloud_sites import cloud_sites, keys_that_travel, placeholders
from skytf.render.markdown import code
from skytf.render.templates import fill

# GitHub cuts a pull request's text at 65,536 characters; people paste PLAN.md there.
MAX_CHARS = 65_535
_ROWS = (200, 50, 10, 3)  # the longest tables that fit are shown; three rows of everything always do
_BLANKS = re.compile(rb"\n{3,}")


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


def plan_md(page: Page) -> bytes:
    """Return PLAN.md, at most `MAX_CHARS` characters."""
    request, surveys, topology, offline = page.request, page.surveys, page.topology, page.offline
    jobs = {job.job_id: job for job in request.jobs}
    text = b""
    for rows in _ROWS:
        text = fill(
            "PLAN.md.j2",
            rows=rows,
            request=request,
            surveys=surveys,
            topology=topology,
            manifest_digest=page.manifest_digest,
            totals=_Totals(
                sum(one.objects for one in surveys),
                format_bytes(sum(one.bytes for one in surveys)),
                len(topology.gateways),
            ),
            sites=[_SiteRow(str(one), len(topology.at(one))) for one in topology.regions()],
            ways=[_way(route, jobs[route.job_id]) for route in topology.routes],
            prediction=_prediction(topology),
            cloud_sites=cloud_sites(request, topology),
            travelling=keys_that_travel(request),
            offline=offline,
            not_checked=_unchecked(request, topology, offline=offline),
            code=code,
            size=format_bytes,
            count=_count,
            time_limit=time_limit(request.ttl_minutes),
            more=_more(rows),
        )
        text = _BLANKS.sub(b"\n\n", text)  # where a table was short, nothing stands for the rest of it
        if len(text.decode()) <= MAX_CHARS:
            break
    return text


def time_limit(minutes: int) -> str:
    """Return *minutes* in words: ``55 days 13 hours 20 minutes``."""
    hours, rest = divmod(minutes, 60)
    parts = [(hours // 24, "day"), (hours % 24, "hour"), (rest, "minute")]
    return " ".join(_count(number, unit) for number, unit in parts if number)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _way(route: Route, job: Job) -> _Way:
    return _Way(
        source=job.source.url,
        destination=job.destinations[route.destination].url,
        what=f"{job.job_id}, {'everything below it' if job.recursive else 'one object'}",
        sites=" → ".join(str(region) for region in route.regions),
    )


def _prediction(topology: Topology) -> str:
    if topology.prediction is None or topology.prediction.goodput_gbps.likely is None:
        return "No throughput is predicted: nothing is known about these links."
    return f"Predicted: {topology.prediction.goodput_gbps.likely:.2f} Gbit/s."


def _unchecked(request: Request, topology: Topology, *, offline: bool) -> list[str]:
    lines = ["The content of the objects: names, sizes and versions were read, not the bytes."]
    if offline:
        lines = [
            "What the sources hold: the numbers above were assumed.",
            "Whether the buckets exist and where they are, and whether anybody's credentials open them.",
            "What Terraform would do: at most it has checked the root module against the providers' schemas.",
        ]
    lines += placeholders(request, topology.regions())
    if topology.cost is None or not topology.cost.total_usd.known:
        lines.append("Prices and quota.")
    return lines


def _more(rows: int) -> Callable[[Sequence[object], str], str]:
    def more(table: Sequence[object], where: str) -> str:
        return f"And {len(table) - rows} more, in {where}.\n" if len(table) > rows else ""

    return more
