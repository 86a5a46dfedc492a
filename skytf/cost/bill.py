"""From usage to a bill: lines, what is missing from it, and the share of each destination."""

from __future__ import annotations

from collections.abc import Sequence

from skytf.cost.fleet import fleet_items
from skytf.cost.item import Item, share_out
from skytf.cost.requests import request_items
from skytf.cost.traffic import egress_items
from skytf.model.cost import KINDS, Cost, CostLine, CostShare
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.span import Span
from skytf.model.usage import End, Usage

# A millionth of a dollar: one GET of S3 costs 0.4 of them, the smallest object some.
USD_DIGITS = 6
_QUANTITY_DIGITS = 6
_PRICE_DIGITS = 9


def price(usage: Usage, request: Request, figures: Figures) -> Cost:
    """
    Return what *usage* costs at the prices of *figures*; of what was used as of what is planned.

    A price that is not known leaves its line without likely and high, and so the total; low stays a lower bound.

    Args:
        usage: Quantities; what is 0 has no line.
        request: Says whose ends they are, whether VMs have addresses and how large their disks are.
        figures: Of its sites, links and stores.
    """
    items = [
        *egress_items(usage, figures),
        *fleet_items(usage, request, figures),
        *request_items(usage, request, figures),
    ]
    items.sort(key=lambda item: (KINDS.index(item.line.kind), item.line.where, item.line.what))
    lines = tuple(_rounded(item.line) for item in items)
    unknown = sorted({item.missing for item in items if item.missing})
    return Cost(
        lines=lines,
        shares=_shares(items, usage, request),
        total_usd=Span.total(item.line.usd for item in items).rounded(USD_DIGITS),
        unknown=(*usage.unknown, *unknown),
    )


def _shares(items: Sequence[Item], usage: Usage, request: Request) -> tuple[CostShare, ...]:
    ends = [(job.job_id, index) for job in request.jobs for index in range(len(job.destinations))]
    urls = {(job.job_id, index): one.url for job in request.jobs for index, one in enumerate(job.destinations)}
    by_bytes = _by_bytes(usage, ends)
    found: dict[End, Span] = {end: Span.exactly(0.0) for end in ends}
    for item in items:
        for end, usd in share_out(item, by_bytes).items():
            found[end] = found.get(end, Span.exactly(0.0)) + usd
    return tuple(CostShare(end[0], end[1], urls[end], found[end].rounded(USD_DIGITS)) for end in ends)


def _by_bytes(usage: Usage, ends: Sequence[End]) -> dict[End, float]:
    """Return the share of each of *ends* in what was delivered; the same for all where nothing was."""
    delivered = dict.fromkeys(ends, 0) | {end: size for end, size in usage.delivered if end in ends}
    total = sum(delivered.values())
    return {end: size / total if total else 1 / len(ends) for end, size in delivered.items()}


def _rounded(line: CostLine) -> CostLine:
    return CostLine(
        kind=line.kind,
        where=line.where,
        what=line.what,
        quantity=line.quantity.rounded(_QUANTITY_DIGITS),
        unit=line.unit,
        usd_per_unit=line.usd_per_unit.rounded(_PRICE_DIGITS),
        usd=line.usd.rounded(USD_DIGITS),
        source=line.source,
    )
