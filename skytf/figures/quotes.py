"""From rows of the catalog to quotes: rounded, with date, source and rule."""

from __future__ import annotations

from collections.abc import Iterable

from skytf.catalog.reading import Row
from skytf.clouds.sheet import sheet
from skytf.model.figures import Quote
from skytf.model.region import Region
from skytf.model.span import Span

_DIGITS = 6  # a hundredth of a cent of a thousand GB, and far below what was measured
OWN_MACHINE = "own machine"


def quote(row: Row, value: Span, rule: str = "") -> Quote:
    """Return *value*, as *row* has it or as *rule* makes it of that."""
    return Quote(value.rounded(_DIGITS), row.cells["date"], row.cells["source"], rule)


def exactly(row: Row, column: str) -> Quote:
    """Return the figure in *column* of *row*, unknown where the cell is empty."""
    value = row.number(column)
    return Quote() if value is None else quote(row, Span.exactly(value))


def derived(rows: Iterable[Row], value: Span, rule: str = "") -> Quote:
    """Return *value*, which was made of several *rows*: the newest date, all sources."""
    rows = list(rows)
    sources = ";".join(sorted({row.cells["source"] for row in rows}))
    return Quote(value.rounded(_DIGITS), newest(rows), sources, rule)


def newest(rows: Iterable[Row]) -> str:
    """Return the latest date of *rows*; ``unknown`` counts as the oldest."""
    return max((row.cells["date"] for row in rows), key=age)


def age(date: str) -> str:
    """Return what dates are sorted by: ``unknown`` comes before all others."""
    return date if date[:1].isdigit() else ""


def free() -> Quote:
    """Return the price of what the operator has anyway."""
    return Quote(Span.exactly(0.0), "", OWN_MACHINE)


def own(region: Region) -> bool:
    """Whether a site is the operator's own machine, of which no cloud bills anything."""
    return sheet(region.cloud).provider is None
