"""How long a fleet stands before and after the bytes move."""

from __future__ import annotations

from collections.abc import Iterable

from skytf.catalog.reading import Row
from skytf.catalog.tables import Catalog
from skytf.figures.quotes import own, quote
from skytf.model.figures import Quote
from skytf.model.region import Region
from skytf.model.span import Span


def boot(regions: Iterable[Region], catalog: Catalog) -> Quote:
    """Return the seconds from the first VM's start until the gateways answer; unknown where none is in a cloud."""
    row = catalog.row("timings", phase="boot")
    if row is None or all(own(region) for region in regions):
        return Quote()
    low, high = _bounds(row)
    return quote(row, Span(low, (low + high) / 2, high), "the middle between the bounds that the source gives")


def teardown(regions: Iterable[Region], catalog: Catalog) -> Quote:
    """Return the seconds from the last byte to the last VM's end: as the catalog says, else by a rule from the boot."""
    row = catalog.row("timings", phase="teardown")
    begin = boot(regions, catalog)
    if row is not None and begin.known:
        low, high = _bounds(row)
        return quote(row, Span(low, (low + high) / 2, high), "the middle between the bounds that the source gives")
    if not begin.known or begin.value.likely is None or begin.value.high is None:
        return Quote()
    value = Span(0.0, begin.value.likely, 2 * begin.value.high)
    return Quote(value, begin.date, begin.source, "not measured: likely as long as the boot, at most twice its longest")


def _bounds(row: Row) -> tuple[float, float]:
    low, high = row.number("low_s") or 0.0, row.number("high_s") or 0.0
    return min(low, high), max(low, high)
