"""Egress: bytes that leave a place, in the tiers of whoever bills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skytf.cost.item import Item, sources_of
from skytf.cost.tiers import tiered_usd
from skytf.model.cost import EGRESS, CostLine
from skytf.model.figures import EgressFigures, Figures, Tier
from skytf.model.span import Span
from skytf.model.usage import Moved, Usage
from skytf.volume.ways import is_billed

_Pair = tuple[str, str]


def egress_items(usage: Usage, figures: Figures) -> list[Item]:
    """
    Return one item for each pair of places.

    What leaves one region under equal tiers counts as one volume, whose price all of its pairs have.
    """
    known = {(one.source, one.target): one for one in figures.egress}
    moved: dict[_Pair, list[Moved]] = {}
    for one in usage.moved:
        if is_billed(one.source, one.target) and one.wire_bytes.high != 0.0:
            moved.setdefault((one.source, one.target), []).append(one)
    volumes: dict[tuple[str, tuple[Tier, ...], int], Span] = {}
    for pair, parts in moved.items():
        tariff = _tariff(pair, known)
        volumes[tariff] = volumes.get(tariff, Span.exactly(0.0)) + _gb(parts, tariff[2])
    return [_item(pair, parts, known, volumes) for pair, parts in sorted(moved.items())]


def _tariff(pair: _Pair, known: Mapping[_Pair, EgressFigures]) -> tuple[str, tuple[Tier, ...], int]:
    figures = known.get(pair, EgressFigures(*pair))
    return (figures.source, figures.tiers, figures.gb_bytes)


def _gb(parts: list[Moved], gb_bytes: int) -> Span:
    return Span.total(one.wire_bytes for one in parts).scaled(1 / gb_bytes)


def _item(
    pair: _Pair,
    parts: list[Moved],
    known: Mapping[_Pair, EgressFigures],
    volumes: Mapping[tuple[str, tuple[Tier, ...], int], Span],
) -> Item:
    tariff = _tariff(pair, known)
    _, tiers, gb_bytes = tariff
    volume, quantity = volumes[tariff], _gb(parts, gb_bytes)
    usd_per_gb = _per_unit(tiers, volume)
    line = CostLine(
        kind=EGRESS,
        where=pair[0],
        what=f"to {pair[1]}",
        quantity=quantity,
        unit="GB" if gb_bytes == 10**9 else "GiB",
        usd_per_unit=usd_per_gb,
        usd=quantity * usd_per_gb,
        source=sources_of(one.usd_per_gb for one in tiers if volume.high is None or one.from_gb < volume.high),
    )
    missing = "" if line.usd.known else f"egress of {pair[0]} to {pair[1]}: {_why(tiers, volume)}"
    return Item(line, missing, tuple((_gb([one], gb_bytes) * usd_per_gb, one.ends) for one in parts))


def _per_unit(tiers: Sequence[Tier], volume: Span) -> Span:
    """Return the average price of a GB, in order: a larger volume may have a lower average than a smaller one."""
    usd = tiered_usd(tiers, volume)
    prices = [one.usd_per_gb.value for one in tiers]
    low = usd.low / volume.low if volume.low else min((one.low for one in prices), default=0.0)
    likely = _average(usd.likely, volume.likely)
    high = _average(usd.high, volume.high)
    known = [one for one in (low, likely, high) if one is not None]
    return Span(min(known), likely, None if high is None else max(known))


def _average(usd: float | None, volume: float | None) -> float | None:
    return usd / volume if usd is not None and volume else None


def _why(tiers: tuple[Tier, ...], volume: Span) -> str:
    if not volume.known:
        return "how much it is, is not known"
    end = tiers[-1].to_gb if tiers else None
    return "no price known" if end is None else f"no price known beyond {end:,.0f} GB a month"
