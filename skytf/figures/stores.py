"""What requests to the stores of both ends cost."""

from __future__ import annotations

from dataclasses import replace

from skytf.catalog.reading import Row
from skytf.catalog.tables import Catalog
from skytf.figures.quotes import free
from skytf.figures.sites import BOUNDS, of_region, widened
from skytf.model.figures import Quote, StoreFigures
from skytf.model.job import Endpoint, Request
from skytf.model.span import Span
from skytf.volume.ways import OWN_SCHEMES

OPERATIONS = ("get", "put", "multipart-part", "list")


def stores(request: Request, catalog: Catalog) -> tuple[StoreFigures, ...]:
    """Return the prices of the store of every end, sorted by the end's name."""
    found = []
    for job in request.jobs:
        found.append(_source(f"{job.job_id}-source", job.source, catalog))
        for index, end in enumerate(job.destinations):
            found.append(_store(f"{job.job_id}-destination-{index}", end, catalog))
    return tuple(sorted(found, key=lambda one: one.end))


def biller(end: Endpoint, catalog: Catalog) -> Row | None:
    """Return the row that says whose store *end* is; None where nobody knows, or it is the operator's own."""
    return None if end.store.endpoint_url else catalog.row("stores", scheme=end.store.scheme)


def is_own(end: Endpoint) -> bool:
    """Whether the store of *end* is the operator's own."""
    return end.store.scheme in OWN_SCHEMES


def _store(name: str, end: Endpoint, catalog: Catalog) -> StoreFigures:
    if is_own(end):
        return StoreFigures(name, "", {operation: free() for operation in OPERATIONS}, free())
    row = biller(end, catalog)
    if row is None:
        return StoreFigures(name, "", {operation: Quote() for operation in OPERATIONS}, Quote())
    return StoreFigures(
        name,
        row.cells["storage_class"],
        {operation: _price(catalog, end, row, "usd_per_1000", operation) for operation in OPERATIONS},
        _price(catalog, end, row, "retrieval_usd_per_gb", "get"),
    )


def _source(name: str, end: Endpoint, catalog: Catalog) -> StoreFigures:
    """Return the prices of a store that is read: nobody looks of which class its objects are, unless a user says it."""
    found, row = _store(name, end, catalog), biller(end, catalog)
    if is_own(end) or row is None or row.layer:
        return found
    return replace(
        found,
        usd_per_1000={**found.usd_per_1000, "get": _any_class(catalog, end, row, found.usd_per_1000["get"], "get")},
        retrieval_usd_per_gb=_any_class(catalog, end, row, found.retrieval_usd_per_gb),
    )


def _any_class(catalog: Catalog, end: Endpoint, store: Row, likely: Quote, operation: str = "") -> Quote:
    """Return *likely* with the dearest class of its cloud as upper bound; of what is read, or of one *operation*."""
    column, cloud = "usd_per_1000" if operation else "retrieval_usd_per_gb", store.cells["cloud"]
    wanted = {"cloud": cloud, "operation": operation} if operation else {"cloud": cloud}
    classes = sorted({row.cells["storage_class"] for row in catalog.rows("requests", **wanted)})
    each = [of_region(catalog, end.store.region, "requests", column, storage_class=one, **wanted) for one in classes]
    most = max((one.value.high for one in each if one.value.high is not None), default=0.0)
    value = likely.value
    if value.high is None or most <= value.high:
        return likely
    rule = f"of which class the objects are nobody looked: likely {store.cells['storage_class']}, at most the dearest"
    rules = "; ".join(text for text in (likely.rule, rule) if text)
    return replace(likely, value=Span(value.low, value.likely, most).rounded(6), rule=rules)


def _price(catalog: Catalog, end: Endpoint, store: Row, column: str, operation: str) -> Quote:
    priced_as, cloud = store.cells["priced_as"], store.cells["cloud"]
    found = of_region(
        catalog, end.store.region, "requests", column, cloud=cloud, storage_class=priced_as, operation=operation
    )
    likely = found.value.likely
    if not found.known or found.rule or likely is None or priced_as == store.cells["storage_class"]:
        return found
    return replace(found, value=widened(likely).rounded(6), rule=f"that of {priced_as}: {BOUNDS}")
