from __future__ import annotations

import pytest

from skytf.model.span import Span
from skytf.render import words


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(1, "1 minute"), (60, "1 hour"), (90, "1 hour 30 minutes"), (80_000, "55 days 13 hours 20 minutes")],
)
def test_a_time_limit_is_said_in_words(minutes: int, text: str) -> None:
    assert words.time_limit(minutes) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "unknown"), (0.0, "$0"), (0.004, "< $0.01"), (0.42, "$0.42"), (12.3, "$12.30"), (24_427.4, "$24,427")],
)
def test_dollars_have_as_many_digits_as_matter(value: float | None, text: str) -> None:
    assert words.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0.0, "$0"),
        (0.09, "$0.09"),
        (0.0004, "$0.0004"),
        (1.5, "$1.50"),
        (2.0, "$2"),
        (4e-7, "$0.0000004"),
    ],
)
def test_a_price_may_be_a_small_part_of_a_cent(value: float | None, text: str) -> None:
    assert words.price(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0.0, "0 s"),
        (0.03, "0.1 s"),
        (0.2, "0.2 s"),
        (5.0, "5.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (61.0, "1 min 1 s"),
        (3_599.0, "59 min 59 s"),
        (7_199.0, "2 h"),
        (19_200.0, "5 h 20 min"),
        (90_000.0, "1 day 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span(), "unknown"),
        (Span(2.0), "at least $2.00"),
        (Span(2.0, 2.0, 2.0), "$2.00"),
        (Span(2.0, 2.5, 3.0), "$2.00 to $3.00"),
    ],
)
def test_what_is_partly_known_is_said_as_far_as_it_is(span: Span, text: str) -> None:
    assert words.usd_range(span) == text


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert words.listed(()) == ""
    assert words.listed(("a",)) == "a"
    assert words.listed(("a", "b", "c")) == "a, b and c"
    assert words.listed(("a", "b", "c", "d"), at_most=2) == "a, b and 2 more"
