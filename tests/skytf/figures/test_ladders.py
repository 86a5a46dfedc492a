from __future__ import annotations

from skytf.catalog.reading import Row
from skytf.figures.ladders import Ladder, gb_bytes, tiers
from skytf.figures.quotes import newest
from skytf.model.span import Span


def step(begin: float, end: float | None, price: float, *, date: str = "2026", gb: int | None = 2**30) -> Row:
    cells = {
        "tier_from_gb": f"{begin:g}",
        "tier_to_gb": "" if end is None else f"{end:g}",
        "usd_per_gb": f"{price:g}",
        "gb_bytes": "" if gb is None else str(gb),
        "date": date,
        "source": f"list of {date}",
    }
    return Row(cells)


OLD: Ladder = [step(0, 10, 0.3, date="2023"), step(10, None, 0.2, date="2023")]
NEW: Ladder = [step(0, 5, 0.25, date="2026"), step(5, None, 0.1, date="2026")]


def test_of_two_lists_the_newer_is_likely_whichever_comes_first() -> None:
    for ladders in ([OLD, NEW], [NEW, OLD]):
        found = tiers(ladders, "two lists")

        assert [(one.from_gb, one.to_gb) for one in found] == [(0, 5), (5, 10), (10, None)]
        assert [one.usd_per_gb.value for one in found] == [
            Span(0.25, 0.25, 0.3), Span(0.1, 0.1, 0.3), Span(0.1, 0.1, 0.2)
        ]  # fmt: skip
        assert {(one.usd_per_gb.date, one.usd_per_gb.source) for one in found} == {
            ("2026", "list of 2023;list of 2026")
        }


def test_an_unknown_date_is_older_than_all_others() -> None:
    undated: Ladder = [step(0, None, 0.5, date="unknown")]

    (tier,) = tiers([undated, [step(0, None, 0.4, date="2019")]])

    assert tier.usd_per_gb.value == Span(0.4, 0.4, 0.5)
    assert newest([*undated, *OLD]) == "2023"


def test_a_list_that_ends_earlier_goes_on_by_a_rule_where_the_other_has_steps() -> None:
    found = tiers([[step(0, 10, 0.3, date="2023")], NEW])

    assert [one.usd_per_gb.value.high for one in found] == [0.3, 0.3, 0.3]
    assert "no price above 10 GB is known" in found[-1].usd_per_gb.rule


def test_what_costs_nothing_costs_nothing_whatever_a_gb_is() -> None:
    (tier,) = tiers([[step(0, None, 0, gb=None)]])

    assert (tier.usd_per_gb.value, tier.usd_per_gb.rule) == (Span.exactly(0.0), "")
    assert gb_bytes([step(0, None, 0, gb=None)]) == 10**9
    assert gb_bytes(OLD) == 2**30
