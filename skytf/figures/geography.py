"""How far regions are from each other, and what that says about the lines between them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping

from skytf.catalog.reading import Row
from skytf.catalog.tables import Catalog

_EARTH_KM = 6371.0  # mean radius, IUGG

Point = tuple[float, float]


def points(catalog: Catalog) -> dict[str, Point]:
    """Return text of a region → latitude and longitude in degrees, of those that have a known place."""
    found: dict[str, Point] = {}
    for row in catalog.rows("regions"):
        latitude, longitude = row.number("latitude"), row.number("longitude")
        if latitude is not None and longitude is not None:
            found.setdefault(f"{row.cells['cloud']}:{row.cells['region']}", (latitude, longitude))
    return found


def distance_km(one: Point, other: Point) -> float:
    """Return the great-circle distance (haversine formula)."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(a), math.radians(b)) for a, b in (one, other))
    inner = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, inner)))


def with_lengths(rows: Iterable[Row], places: Mapping[str, Point]) -> list[tuple[float, Row]]:
    """Return *rows* from one region to another, each with its length in km; without those of unknown places."""
    return [
        (distance_km(places[row.cells["from"]], places[row.cells["to"]]), row)
        for row in rows
        if row.cells["from"] in places and row.cells["to"] in places
    ]


def nearest(rows: Iterable[tuple[float, Row]], wanted_km: float, number: int) -> list[Row]:
    """Return the *number* rows whose length is nearest to *wanted_km*; ties are broken by name."""
    # Rounded: the last bits of a sine differ between machines, and must not decide who is nearer.
    found = [(round(abs(km - wanted_km), 3), row.cells["from"], row.cells["to"], row) for km, row in rows]
    return [row for *_, row in heapq.nsmallest(number, found, key=lambda one: one[:3])]


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value below which *part* (0 to 1) of *values* lie: the nearest of them, no mean of two."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
