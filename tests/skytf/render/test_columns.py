from __future__ import annotations

import pytest

from skytf.render.columns import columns, is_lane


def test_sources_stand_left_and_destinations_right_of_what_is_between() -> None:
    found = columns(["a", "b", "c", "r"], [("a", "r"), ("r", "b"), ("r", "c")], {"r"})

    assert found.columns == (("a",), ("r",), ("b", "c"))
    assert found.ways == (("a", "r"), ("r", "b"), ("r", "c"))


def test_a_link_past_a_relay_has_a_lane_of_its_own() -> None:
    found = columns(["a", "b", "r"], [("a", "b"), ("a", "r"), ("r", "b")], {"r"})

    ((first, lane, last), *_) = found.ways
    assert (first, last) == ("a", "b")
    assert is_lane(lane)
    assert set(found.columns[1]) == {"r", lane}


def test_sites_that_send_to_each_other_are_shown_once_as_source_and_once_as_destination() -> None:
    found = columns(["a", "b"], [("a", "b"), ("b", "a")], ())

    assert [sorted(column) for column in found.columns] == [["a", "b"], ["a again", "b again"]]
    assert found.ways == (("a", "b again"), ("b", "a again"))
    assert found.sites == {"a": "a", "b": "b", "a again": "a", "b again": "b"}


def test_a_relay_in_both_directions_stays_one_box() -> None:
    found = columns(["a", "b", "r"], [("a", "r"), ("b", "r"), ("r", "a"), ("r", "b")], {"r"})

    assert found.columns == (("a", "b"), ("r",), ("a again", "b again"))


@pytest.mark.parametrize("relays", [(), ("b", "c"), ("a", "b", "c")])
def test_no_circle_is_left_whatever_the_relays(relays: tuple[str, ...]) -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "a"), ("b", "a")]

    found = columns(["a", "b", "c"], pairs, relays)

    depth = {name: number for number, column in enumerate(found.columns) for name in column}
    assert all(depth[way[0]] < depth[way[-1]] for way in found.ways)


def test_a_site_by_itself_is_a_column() -> None:
    assert columns(["a"], [], ()).columns == (("a",),)
