"""What both PLAN.md and plan.html tell of a page, in rows and words; how it looks is theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from gateway.units import format_bytes
from skytf.model.cost import KINDS, Cost, CostLine
from skytf.model.difference import Change
from skytf.model.review import Made, Opening, Page, Right
from skytf.model.span import Span
from skytf.render.basis import BasisRow, basis
from skytf.render.links import SiteLink, site_links
from skytf.render.risks import Risk, not_checked, risks
from skytf.render.said import Sentence
from skytf.render.sites import SiteRow, keys_that_travel, site_rows
from skytf.render.words import (
    UNKNOWN,
    amount,
    amount_range,
    count,
    duration,
    duration_range,
    gbps,
    price_range,
    usd,
    usd_range,
)

# The longest tables of plan.html: what PLAN.md leaves out of shorter ones stands there.
PAGE_ROWS = 100
_OPERATOR = "operator"
# How a price was estimated stands in brackets behind its date, and may have brackets itself.
_RULE = re.compile(r" \((?:[^()]|\([^()]*\))*\)$")


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the numbers at the top: ``likely`` is large, ``bounds`` stand below it."""

    title: str
    likely: str
    bounds: str


@dataclass(frozen=True, slots=True)
class Way:
    """How one job reaches one destination."""

    job_id: str
    source: str
    destination: str
    what: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """One line of the costs: ``sources`` say where its prices are from."""

    title: str
    usd: Span
    sources: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, str, str]:
        """Low, likely and high."""
        return usd(self.usd.low), usd(self.usd.likely), usd(self.usd.high)


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill in words."""

    kind: str
    where: str
    what: str
    quantity: str
    at: str
    usd: Span
    source: str


@dataclass(frozen=True, slots=True)
class MadeRow:
    """Resources of one type, over all sites; ``sites`` says how many are where."""

    resource_type: str
    action: str
    count: int
    sites: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """What became different in one respect."""

    section: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A page in rows and words."""

    title: str
    lead: str
    figures: tuple[Figure, ...]
    sites: tuple[SiteRow, ...]
    made: tuple[MadeRow, ...] | None
    links: tuple[SiteLink, ...]
    ways: tuple[Way, ...]
    kinds: tuple[Bill, ...]
    total: Bill | None
    lines: tuple[BillLine, ...]
    shares: tuple[Bill, ...]
    basis: tuple[BasisRow, ...]
    risks: tuple[Risk, ...]
    not_checked: tuple[Sentence, ...]
    openings: tuple[tuple[str, str, str], ...]
    rights: tuple[tuple[str, str, str, str], ...]
    travelling: tuple[Sentence, ...]
    samples: tuple[tuple[str, str, str], ...]
    skipped: tuple[tuple[str, str, int], ...]
    skipped_examples: tuple[tuple[str, str], ...]
    changed: tuple[Changed, ...]
    free: bool


def reading(page: Page) -> Reading:
    """Return what is told of *page*. Pure, but for reading the clouds' sheets."""
    links, cost = site_links(page), page.topology.cost
    return Reading(
        title=_title(page),
        lead=_lead(page),
        figures=_figures(page),
        sites=site_rows(page),
        made=None if page.review.made is None else _made(page.review.made),
        links=links,
        ways=_ways(page),
        kinds=_kinds(cost),
        total=None if cost is None else Bill("in all", cost.total_usd, ()),
        lines=_lines(cost),
        shares=() if cost is None else tuple(Bill(one.url, one.usd, (one.job_id,)) for one in cost.shares),
        basis=basis(page.figures, page.request),
        risks=risks(page, links),
        not_checked=not_checked(page),
        openings=tuple(_opening(one) for one in page.review.openings),
        rights=tuple(_right(one) for one in page.review.rights),
        travelling=keys_that_travel(page.request),
        samples=tuple((one.job_id, *pair) for one in page.surveys for pair in one.sample),
        skipped=tuple((one.job_id, reason, n) for one in page.surveys for reason, n in sorted(one.skipped.items())),
        skipped_examples=tuple(pair for one in page.surveys for pair in one.skipped_examples),
        changed=_changed(page),
        free=cost is not None and cost.total_usd == Span.exactly(0.0),
    )


def _title(page: Page) -> str:
    objects = sum(one.objects for one in page.surveys)
    size = format_bytes(sum(one.bytes for one in page.surveys))
    return f"{count(objects, 'object')}, {size}, {count(len(page.topology.gateways), 'gateway')}"


def _lead(page: Page) -> str:
    prediction, cost = page.topology.prediction, page.topology.cost
    ends = {end.url for job in page.request.jobs for end in job.destinations}
    jobs = count(len(page.request.jobs), "job")
    begin = f"{jobs} to {count(len(ends), 'destination')}, through {count(len(page.review.sites), 'site')}."
    seconds = prediction.transfer_s.likely if prediction else None
    time = f"It should take about {duration(seconds)}" if seconds is not None else "How long it takes is not known"
    total = cost.total_usd if cost else Span()
    if total.likely is not None:
        about = "nothing" if total == Span.exactly(0.0) else f"about {usd(total.likely)}"
        return f"{begin} {time}{', and cost' if seconds is not None else '; it should cost'} {about}."
    if total.high is not None:
        return f"{begin} {time}; it costs {usd_range(total)}."
    at_least = f", but at least {usd(total.low)}" if total.low > 0 else ""
    return f"{begin} {time}; what it costs is not known{at_least}."


def _figures(page: Page) -> tuple[Figure, ...]:
    prediction = page.topology.prediction
    total = page.topology.cost.total_usd if page.topology.cost else Span()
    goodput = prediction.goodput_gbps if prediction else Span()
    moving, fleet = (prediction.transfer_s, prediction.fleet_s) if prediction else (Span(), Span())
    return (
        _figure("Cost", usd(total.likely), usd_range(total)),
        _figure("Time, objects moving", duration(moving.likely), duration_range(moving)),
        _figure("Time, fleet standing", duration(fleet.likely), duration_range(fleet)),
        _figure("Goodput", gbps(goodput), amount_range(goodput, "Gbit/s")),
    )


def _figure(title: str, likely: str, bounds: str) -> Figure:
    if likely != UNKNOWN:
        return Figure(title, likely, "" if bounds in (UNKNOWN, likely) else bounds)
    if bounds.startswith("at least"):
        return Figure(title, bounds, "the rest is unknown")
    return Figure(title, "not known", "" if bounds == UNKNOWN else bounds)


def _made(made: Iterable[Made]) -> tuple[MadeRow, ...]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for one in made:
        found.setdefault((one.action, one.resource_type), {})[one.module] = one.count
    return tuple(
        MadeRow(kind, action, sum(sites.values()), tuple(sorted(sites.items())))
        for (action, kind), sites in sorted(found.items())
    )


def _ways(page: Page) -> tuple[Way, ...]:
    jobs = {job.job_id: job for job in page.request.jobs}
    return tuple(
        Way(
            job_id=route.job_id,
            source=jobs[route.job_id].source.url,
            destination=jobs[route.job_id].destinations[route.destination].url,
            what="everything below it" if jobs[route.job_id].recursive else "one object",
            regions=tuple(str(region) for region in route.regions),
        )
        for route in page.topology.routes
    )


def _kinds(cost: Cost | None) -> tuple[Bill, ...]:
    if cost is None:
        return ()
    found = []
    for kind in KINDS:
        lines = [one for one in cost.lines if one.kind == kind]
        if lines:
            found.append(Bill(kind, cost.of_kind(kind), _sources(lines)))
    return tuple(found)


def _sources(lines: Iterable[CostLine]) -> tuple[str, ...]:
    """Return where the prices of *lines* are from, each once; how one was estimated stands with its line."""
    found = [_RULE.sub("", part).strip() for one in lines for part in one.source.split("; ")]
    return tuple(dict.fromkeys(filter(None, found)))


def _lines(cost: Cost | None) -> tuple[BillLine, ...]:
    return tuple(
        BillLine(
            kind=one.kind,
            where=one.where,
            what=one.what,
            quantity=UNKNOWN if one.quantity.likely is None else f"{amount(one.quantity.likely)} {one.unit}",
            at=price_range(one.usd_per_unit),
            usd=one.usd,
            source=one.source,
        )
        for one in (cost.lines if cost else ())
    )


def _opening(one: Opening) -> tuple[str, str, str]:
    if one.first_port == one.last_port:
        ports = f"{one.first_port} (SSH)"
    else:
        ports = f"{one.first_port} to {one.last_port} (data)"
    if one.whom == _OPERATOR:
        return str(one.region), ports, "the operator's address"
    return str(one.region), ports, "the site itself" if one.whom == str(one.region) else f"the gateways of {one.whom}"


def _right(one: Right) -> tuple[str, str, str, str]:
    may = "read and write" if one.read and one.write else "write" if one.write else "read"
    by = "the identity made for them" if one.by == "identity" else "the operator's keys"
    return str(one.region), one.store, may, by


def _changed(page: Page) -> tuple[Changed, ...]:
    if page.against is None:
        return ()
    return tuple(
        Changed(section, tuple(changes))
        for section, changes in groupby(page.against.changes, key=lambda change: change.section)
    )
