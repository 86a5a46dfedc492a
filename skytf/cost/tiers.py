"""Prices that depend on how much was bought in a month."""

from __future__ import annotations

from collections.abc import Sequence

from skytf.model.figures import Tier
from skytf.model.span import Span

_ANY = float("inf")


def tiered_usd(tiers: Sequence[Tier], gb: Span) -> Span:
    """
    Return what *gb* of one month cost.

    How much the account has bought before is not known. Likely is a month that begins with this volume; low puts it
    into the cheapest tiers and high into the dearest, as far as there is room in them.

    Args:
        tiers: Sorted; what lies outside them has no price.
        gb: The volume, in the GB that the tiers count.
    """
    bands = [(one.from_gb, _ANY if one.to_gb is None else one.to_gb, one.usd_per_gb.value) for one in tiers]
    covered = 0.0
    gaps: list[tuple[float, float, Span]] = []
    for begin, end, _ in bands:
        if begin > covered:
            gaps.append((covered, begin, Span()))
        covered = max(covered, end)
    if covered < _ANY:
        gaps.append((covered, _ANY, Span()))
    bands = sorted([*bands, *gaps], key=lambda band: band[0])
    return Span(_cheapest(bands, gb.low), _from_the_first(bands, gb.likely), _dearest(bands, gb.high))


def _from_the_first(bands: Sequence[tuple[float, float, Span]], gb: float | None) -> float | None:
    return None if gb is None else _filled([(end - begin, span.likely) for begin, end, span in bands], gb)


def _cheapest(bands: Sequence[tuple[float, float, Span]], gb: float) -> float:
    cheap = sorted((span.low, end - begin) for begin, end, span in bands)
    return _filled([(room, usd) for usd, room in cheap], gb) or 0.0


def _dearest(bands: Sequence[tuple[float, float, Span]], gb: float | None) -> float | None:
    if gb is None:
        return None
    if any(span.high is None for _, _, span in bands):
        return None if gb else 0.0
    dear = sorted(((span.high or 0.0, end - begin) for begin, end, span in bands), reverse=True)
    return _filled([(room, usd) for usd, room in dear], gb)


def _filled(rooms: Sequence[tuple[float, float | None]], gb: float) -> float | None:
    """Return what *gb* cost that fill *rooms* (size, price of a GB) one after the other."""
    usd, left = 0.0, gb
    for room, each in rooms:
        if left <= 0.0:
            break
        if each is None:
            return None
        usd += min(left, room) * each
        left -= room
    return usd
