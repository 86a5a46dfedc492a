"""What stores take for being asked, and for what is read from them."""

from __future__ import annotations

from skytf.cost.item import Item, lacking, sources_of
from skytf.model.cost import REQUESTS, CostLine
from skytf.model.figures import Figures, Quote, StoreFigures
from skytf.model.job import Endpoint, Request
from skytf.model.span import Span
from skytf.model.usage import Requests, Usage

# Which GB retrieval is billed by stands in no table: likely and high take the smaller one, low the larger.
_GB_BYTES = (2**30, 10**9, 10**9)


def request_items(usage: Usage, request: Request, figures: Figures) -> list[Item]:
    """Return one item for each kind of request to each end, and one for what is read where that is billed."""
    stores = {one.end: one for one in figures.stores}
    ends = _ends(request)
    found = []
    for one in usage.requests:
        store = stores.get(one.end)
        url = ends[one.end].url if one.end in ends else one.end
        found.append(_asked(one, store, url))
        if store is not None and one.read_bytes.high != 0.0 and store.retrieval_usd_per_gb.value.high != 0.0:
            found.append(_read(one, store.retrieval_usd_per_gb, url))
    return [item for item in found if item.line.quantity.high != 0.0]


def _ends(request: Request) -> dict[str, Endpoint]:
    found = {}
    for job in request.jobs:
        found[f"{job.job_id}-source"] = job.source
        for index, destination in enumerate(job.destinations):
            found[f"{job.job_id}-destination-{index}"] = destination
    return found


def _asked(one: Requests, store: StoreFigures | None, url: str) -> Item:
    quote = Quote() if store is None else store.usd_per_1000.get(one.operation, Quote())
    return _item(f"{one.operation} requests, {one.end}", url, (one.count.scaled(1e-3), "thousand"), quote, one)


def _read(one: Requests, quote: Quote, url: str) -> Item:
    low, likely, high = _GB_BYTES
    size = one.read_bytes
    gb = Span(
        size.low / low,
        None if size.likely is None else size.likely / likely,
        None if size.high is None else size.high / high,
    )
    return _item(f"retrieval, {one.end}", url, (gb, "GB"), quote, one)


def _item(what: str, url: str, amount: tuple[Span, str], quote: Quote, one: Requests) -> Item:
    quantity, unit = amount
    usd = quantity * quote.value
    line = CostLine(REQUESTS, url, what, quantity, unit, quote.value, usd, sources_of([quote]))
    kind = "retrieval" if what.startswith("retrieval") else "requests"
    return Item(line, lacking(f"{kind} of {url}", usd, quote, "how many they were is not known"), ((usd, one.ends),))
