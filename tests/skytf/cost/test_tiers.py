from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skytf.cost.tiers import tiered_usd
from skytf.model.figures import Quote, Tier
from skytf.model.span import Span
from tests.skytf.hand import q

FALLING = (Tier(0, 10, q(0.9)), Tier(10, 50, q(0.5)), Tier(50, None, q(0.1)))
FREE_AT_FIRST = (Tier(0, 10, q(0)), Tier(10, None, q(0.5)))


def test_a_month_begins_with_this_volume_or_in_any_other_tier() -> None:
    """20 GB: 10 x 0.9 + 10 x 0.5. At least all of it in the last tier; at most the dearest 10, then the next."""
    assert tiered_usd(FALLING, Span.exactly(20)) == Span(pytest.approx(2), pytest.approx(14), pytest.approx(14))


def test_a_large_volume_fills_the_tiers() -> None:
    """100 GB: 9 + 20 + 5."""
    assert tiered_usd(FALLING, Span.exactly(100)).likely == pytest.approx(34)


def test_what_is_free_at_first_may_be_used_up() -> None:
    assert tiered_usd(FREE_AT_FIRST, Span.exactly(20)) == Span(5, 5, 10)
    assert tiered_usd(FREE_AT_FIRST, Span.exactly(5)) == Span(0, 0, 2.5)


def test_each_bound_takes_its_own_price_and_volume() -> None:
    assert tiered_usd((Tier(0, None, q(2, 1, 3)),), Span(10, 20, 30)) == Span(10, 40, 90)


def test_beyond_the_last_tier_nothing_is_known() -> None:
    """Half of it may be free for all we know."""
    known = (Tier(0, 10, q(0.9)),)

    assert tiered_usd(known, Span.exactly(20)) == Span(0, None, None)
    assert tiered_usd(known, Span.exactly(5)) == Span(0, 4.5, None)


def test_without_tiers_or_price_nothing_is_known_but_of_nothing() -> None:
    assert tiered_usd((), Span.exactly(1)) == Span(0, None, None)
    assert tiered_usd((Tier(0, None, Quote()),), Span.exactly(1)) == Span(0, None, None)
    assert tiered_usd((), Span.exactly(0)) == Span.exactly(0)


def test_a_gap_between_tiers_has_no_price() -> None:
    gap = (Tier(0, 10, q(1)), Tier(20, None, q(1)))

    assert tiered_usd(gap, Span.exactly(10)).likely == 10
    assert tiered_usd(gap, Span.exactly(30)).likely is None


PRICES = st.floats(0, 1, allow_subnormal=False).map(q)


@settings(deadline=None)  # how long it takes says nothing on a busy machine
@given(PRICES, PRICES, PRICES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_bill_lies_between_its_bounds_and_more_never_costs_less(
    first: Quote, second: Quote, third: Quote, gb: float, more: float
) -> None:
    tiers = (Tier(0, 10, first), Tier(10, 50, second), Tier(50, None, third))
    found, larger = (tiered_usd(tiers, Span.exactly(volume)) for volume in (gb, gb + more))

    assert found.likely is not None
    assert found.high is not None
    assert found.low <= found.likely * (1 + 1e-9)
    assert found.likely <= found.high * (1 + 1e-9)
    assert (larger.likely or 0) >= found.likely * (1 - 1e-9)
