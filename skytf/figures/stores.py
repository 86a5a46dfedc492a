"""What requests to the stores of both ends cost."""

from __future__ import annotations

from dataclasses import replace

from skytf.catalog.reading import Row
from skytf.catalog.tables import Catalog
from skytf.figures.quotes import free
from skytf.figures.sites import BOUNDS, of_region, widened
from skytf.model.figures import Quote, StoreFigures
from skytf.model.job import Endpoint, Request

OPERATIONS = ("get", "put", "multipart-part", "list")
# Stores that no cloud bills: they are the operator's own.
OWN_SCHEMES = frozenset({"file", "hdfs", "memory"})


def stores(request: Request, catalog: Catalog) -> tuple[StoreFigures, ...]:
    """Return the prices of the store of every end, sorted by the end's name."""
    found = []
    for job in request.jobs:
        found.append(_store(f"{job.job_id}-source", job.source, catalog))
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


def _price(catalog: Catalog, end: Endpoint, store: Row, column: str, operation: str) -> Quote:
    priced_as, cloud = store.cells["priced_as"], store.cells["cloud"]
    found = of_region(
        catalog, end.store.region, "requests", column, cloud=cloud, storage_class=priced_as, operation=operation
    )
    likely = found.value.likely
    if not found.known or found.rule or likely is None or priced_as == store.cells["storage_class"]:
        return found
    return replace(found, value=widened(likely).rounded(6), rule=f"that of {priced_as}: {BOUNDS}")
