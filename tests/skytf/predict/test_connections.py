from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skytf.model.span import Span
from skytf.predict.connections import share


@pytest.mark.parametrize("congestion", ["auto", "bbr", "cubic", "reno"])
def test_as_many_as_were_measured_with_reach_what_was_measured(congestion: str) -> None:
    assert share(64, congestion, 150.0) == Span.exactly(1.0)


@pytest.mark.parametrize("congestion", ["auto", "bbr", "bbr3"])
def test_with_bbr_one_connection_likely_has_the_line(congestion: str) -> None:
    assert share(1, congestion, 150.0) == Span(1 / 64, 1.0, 1.0)


@pytest.mark.parametrize(("connections", "rtt_ms", "likely"), [(1, 40.0, 0.1), (4, 40.0, 0.4), (16, 40.0, 1.0)])
def test_with_cubic_each_adds_the_same_until_the_line_is_full(connections: int, rtt_ms: float, likely: float) -> None:
    """As measured on an emulated link: 0.10, 0.42 and 1 of what 64 connections reach."""
    found = share(connections, "cubic", rtt_ms)

    assert found == Span(connections / 64, pytest.approx(likely), 1.0)


def test_a_round_trip_that_is_not_known_counts_as_long() -> None:
    assert share(16, "cubic", None) == Span(0.25, 0.25, 1.0)


@given(st.integers(1, 4096), st.sampled_from(["auto", "cubic"]), st.floats(0.0, 1000.0))
def test_bounds_are_in_order_and_more_connections_have_no_less(count: int, congestion: str, rtt_ms: float) -> None:
    found, more = share(count, congestion, rtt_ms), share(count + 1, congestion, rtt_ms)

    assert found.likely is not None
    assert 0.0 < found.low <= found.likely <= 1.0
    assert (more.low, more.likely) >= (found.low, found.likely)
