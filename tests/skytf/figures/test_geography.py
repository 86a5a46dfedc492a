from __future__ import annotations

import pytest

from skytf.catalog.reading import Row
from skytf.figures.geography import distance_km, nearest, percentile, with_lengths

LONDON, PARIS, SYDNEY = (51.5074, -0.1278), (48.8566, 2.3522), (-33.8688, 151.2093)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [(LONDON, PARIS, 344), (LONDON, SYDNEY, 16_994), (PARIS, PARIS, 0), ((0, 0), (0, 180), 20_015)],
)
def test_distances_are_those_of_the_globe(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert distance_km(one, other) == pytest.approx(km, rel=0.002, abs=0.5)


def test_the_nearest_in_length_are_found_and_ties_are_broken_by_name() -> None:
    places = {"x:london": LONDON, "x:paris": PARIS, "x:sydney": SYDNEY}
    rows = [
        Row({"from": source, "to": target})
        for source, target in [
            ("x:paris", "x:london"),
            ("x:london", "x:sydney"),
            ("x:london", "x:paris"),
            ("x:a", "x:b"),
        ]
    ]

    found = nearest(with_lengths(rows, places), 300, 2)

    assert [row.cells["from"] for row in found] == ["x:london", "x:paris"]


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile(range(1, 11), part) for part in (0, 0.1, 0.5, 0.9, 1)] == [1, 2, 6, 10, 10]
