"""What passes between two sites: as it was measured, else by their distance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from skytf.catalog.reading import Row
from skytf.catalog.schema import ANY, EXTERNAL, INTERNAL
from skytf.catalog.tables import Catalog
from skytf.figures.geography import Point, distance_km, nearest, percentile, points, with_lengths
from skytf.figures.larger import for_larger
from skytf.figures.quotes import age, derived, own
from skytf.model.figures import LinkFigures, Quote
from skytf.model.job import LinkShape, Request
from skytf.model.region import Region
from skytf.model.span import Span

# A pair that was measured once: within 5 s a receiver had counted this part of what the sender had (10th percentile of
# the grid of 2022-01, which has both), and the grid of 2022-11 found so much more than it (90th percentile).
_ONCE_LOW, _ONCE_HIGH = 0.57, 1.39
_NEAREST = 20
_FEWEST = 5  # measured pairs of two clouds from which something can be said about others of theirs
_SHAPE = "shape"


class Lines:
    """What the catalog knows of lines between regions; what all estimates need is made once, for the first."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    @cached_property
    def places(self) -> dict[str, Point]:
        """Text of a region → where it is."""
        return points(self.catalog)

    def measured(self, column: str) -> list[tuple[float, Row]]:
        """Return all that can be compared by its length in km: rows of ``gbps`` or of ``rtt_ms``."""
        return self._throughput if column == "gbps" else self._rtt

    @cached_property
    def _throughput(self) -> list[tuple[float, Row]]:
        return with_lengths(_newest_grid(self.catalog), self.places)

    @cached_property
    def _rtt(self) -> list[tuple[float, Row]]:
        return with_lengths(_premium(self.catalog.rows("rtt")), self.places)


def link(request: Request, source: Region, target: Region, lines: Lines) -> LinkFigures:
    """Return the figures of the link from *source* to *target*."""
    if own(source) and own(target):
        return LinkFigures(source, target, *_shaped(request, source, target))
    if own(source) or own(target):
        return LinkFigures(source, target, Quote(), Quote())  # the operator's own line: nobody has measured it
    private = request.private_addresses and source.cloud == target.cloud
    throughput = _throughput(lines, source, target, private=private)
    return LinkFigures(
        source,
        target,
        for_larger(request, source, target, lines.catalog, throughput),
        _rtt(lines, source, target),
    )


def _shaped(request: Request, source: Region, target: Region) -> tuple[Quote, Quote]:
    shapes = {(one.source, one.target): one for one in request.shapes}
    there, back = shapes.get((source, target)), shapes.get((target, source))
    if there is None:
        return Quote(), Quote()
    delay_ms = there.delay_ms + (back.delay_ms if back is not None else 0.0)
    return _shaped_gbps(there, request.connections), Quote(Span.exactly(delay_ms).rounded(3), "", _SHAPE)


def _shaped_gbps(shape: LinkShape, connections: int) -> Quote:
    limits = [mbps for mbps in (shape.link_mbps, shape.connection_mbps * connections) if mbps > 0]
    return Quote(Span.exactly(min(limits) / 1000).rounded(6), "", _SHAPE) if limits else Quote()


def _throughput(lines: Lines, source: Region, target: Region, *, private: bool) -> Quote:
    rows = _premium(lines.catalog.rows("throughput", from_=str(source), to=str(target)))
    wished = _uppermost([row for row in rows if row.cells["addresses"] in {INTERNAL if private else EXTERNAL, ANY}])
    if wished:
        return _measured(wished)
    other = _uppermost([row for row in rows if row.cells["addresses"] == EXTERNAL])
    if other:
        return _measured(other, "measured between public addresses")
    return _by_distance(lines, source, target, "gbps")


def _rtt(lines: Lines, source: Region, target: Region) -> Quote:
    there = _premium(lines.catalog.rows("rtt", from_=str(source), to=str(target)))[:1]
    back = _premium(lines.catalog.rows("rtt", from_=str(target), to=str(source)))[:1]
    if rows := [*there, *back]:
        values = [row.number("rtt_ms") or 0.0 for row in rows]
        rule = "" if there else "measured the other way round"
        return derived(rows, Span(min(values), values[0], max(values)), rule)
    return _by_distance(lines, source, target, "rtt_ms")


def _measured(rows: Sequence[Row], rule: str = "") -> Quote:
    """Return what *rows* of one pair say: likely the newest, low and high all that was seen."""
    latest = max(rows, key=lambda row: age(row.cells["date"]))
    likely = latest.number("gbps") or 0.0
    seen = [value for row in rows for name in ("gbps", "received_gbps") if (value := row.number(name)) is not None]
    if len(seen) > 1:
        return derived(rows, Span(min(seen), likely, max(seen)), rule)
    once = f"measured once: bounds {_ONCE_LOW:g} and {_ONCE_HIGH:g} times"
    return derived(rows, Span.exactly(likely) * Span(_ONCE_LOW, 1.0, _ONCE_HIGH), f"{rule}; {once}" if rule else once)


def _by_distance(lines: Lines, source: Region, target: Region, column: str) -> Quote:
    """Return the median of the pairs that are about as far from each other, of these two clouds or else of all."""
    places = lines.places
    if str(source) not in places or str(target) not in places:
        return Quote()
    wanted_km = distance_km(places[str(source)], places[str(target)])
    every = [(length, row, _clouds(row)) for length, row in lines.measured(column)]
    alike = [(length, row) for length, row, clouds in every if clouds == (source.cloud, target.cloud)]
    few = len(alike) < _FEWEST
    inside = source.cloud == target.cloud
    among = [(length, row) for length, row, (one, other) in every if (one == other) == inside] if few else alike
    chosen = nearest(among, wanted_km, _NEAREST)
    if not chosen:
        return Quote()
    values = [row.number(column) or 0.0 for row in chosen]
    low, high = (min(values), max(values)) if few else (percentile(values, 0.1), percentile(values, 0.9))
    whose = "other clouds, bounds their least and most" if few else "these clouds, bounds 10th and 90th percentile"
    rule = f"by distance ({wanted_km:.0f} km): median of the {len(chosen)} measured pairs nearest in length of {whose}"
    return derived(chosen, Span(low, percentile(values, 0.5), high), rule)


def _newest_grid(catalog: Catalog) -> list[Row]:
    """Return for each pair the newest row that was measured between public addresses."""
    found: dict[tuple[str, ...], Row] = {}
    for row in _premium(catalog.rows("throughput")):
        pair = row.values(("from", "to"))
        if row.cells["addresses"] != INTERNAL and (
            pair not in found or age(row.cells["date"]) > age(found[pair].cells["date"])
        ):
            found[pair] = row
    return list(found.values())


def _premium(rows: list[Row]) -> list[Row]:
    """Return the rows of the network tier that gateways use."""
    return [row for row in rows if row.values(("from_tier", "to_tier")) == ("premium", "premium")]


def _uppermost(rows: list[Row]) -> list[Row]:
    """Return those of the user's nearest directory, or else the built-in ones."""
    top = max((row.layer for row in rows), default=0)
    return [row for row in rows if row.layer == top]


def _clouds(row: Row) -> tuple[str, str]:
    return row.cells["from"].partition(":")[0], row.cells["to"].partition(":")[0]
