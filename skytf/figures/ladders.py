"""Prices in steps: chosen from the rows of the catalog, laid over each other, and continued where they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from skytf.catalog.reading import Row
from skytf.figures.quotes import age, newest, quote
from skytf.model.figures import Quote, Tier
from skytf.model.span import Span

BILLED_GB = 10**9  # where the source does not say which GB it means: the smaller one makes more of them
# A GB of 10**9 bytes costs this part of the price if the cloud bills GB of 2**30 bytes.
_SMALLER_GB = BILLED_GB / 2**30
_NOT_SAID = "the source does not say whether its GB is 10^9 bytes or (low) 2^30"
# In every ladder of the catalog the dearest later step costs no more than the step before, and the cheapest 0.42 times
# the first (us-gov-east-1 of AWS, 2024-09).
_LEAST_LATER = 0.4

Ladder = Sequence[Row]


def tiers(ladders: Sequence[Ladder], rule: str = "", likely: int | None = None) -> tuple[Tier, ...]:
    """
    Return the steps that *ladders*, each sorted, come to together.

    Args:
        ladders: One, or several that may hold: low and high of a step are then the least and the most of all.
        rule: Why there are several.
        likely: Which of them is likeliest; None: the newest.
    """
    if likely is None:
        likely = max(range(len(ladders)), key=lambda index: (age(newest(ladders[index])), -index))
    found = []
    for begin, end in _steps(ladders):
        quotes = [_at(ladder, begin) for ladder in ladders]
        found.append(Tier(begin, end, _together(quotes, rule, likely)))
    return tuple(found)


def gb_bytes(ladder: Ladder) -> int:
    """Return how many bytes the cloud of *ladder* bills as a GB."""
    said = ladder[0].number("gb_bytes")
    return BILLED_GB if said is None else int(said)


def _steps(ladders: Iterable[Ladder]) -> list[tuple[float, float | None]]:
    bounds = {0.0}
    for ladder in ladders:
        bounds |= {row.number("tier_from_gb") or 0.0 for row in ladder}
        last = ladder[-1].number("tier_to_gb")
        bounds |= set() if last is None else {last}
    ordered = sorted(bounds)
    return [*pairwise(ordered), (ordered[-1], None)]


def _at(ladder: Ladder, begin_gb: float) -> Quote:
    """Return the price from *begin_gb* on: of its step, or by a rule above the last one that is known."""
    row = [row for row in ladder if (row.number("tier_from_gb") or 0.0) <= begin_gb][-1]
    price, end_gb = row.number("usd_per_gb") or 0.0, row.number("tier_to_gb")
    rules = []
    value = Span.exactly(price)
    if end_gb is not None and begin_gb >= end_gb:
        value = Span(_LEAST_LATER * price, price, price)
        rules.append(f"no price above {end_gb:g} GB is known: at most that below, at least {_LEAST_LATER:g} times")
    if row.number("gb_bytes") is None and price > 0:
        value = Span(value.low * _SMALLER_GB, value.likely, value.high)
        rules.append(_NOT_SAID)
    return quote(row, value, "; ".join(rules))


def _together(quotes: Sequence[Quote], rule: str, likely: int) -> Quote:
    if len(quotes) == 1 and not rule:
        return quotes[0]
    lows = [one.value.low for one in quotes]
    highs = [one.value.high for one in quotes if one.value.high is not None]
    value = Span(min(lows), quotes[likely].value.likely, max(highs)).rounded(6)
    rules = "; ".join(dict.fromkeys(text for text in (rule, *(one.rule for one in quotes)) if text))
    sources = ";".join(sorted({one.source for one in quotes}))
    return Quote(value, max((one.date for one in quotes), key=age), sources, rules)
