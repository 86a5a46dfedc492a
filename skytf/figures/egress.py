"""What bytes cost that leave a site or a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skytf.catalog.reading import Row
from skytf.catalog.schema import (
    ANY,
    INTER_REGION,
    INTERNET,
    OTHER_CONTINENT,
    SAME_CONTINENT,
    TO_AMERICAS,
    TO_AUSTRALIA,
    TO_CHINA,
)
from skytf.catalog.tables import Catalog
from skytf.figures.ladders import Ladder, gb_bytes, tiers
from skytf.figures.quotes import free, own
from skytf.figures.stores import biller, is_own
from skytf.model.figures import EgressFigures, Tier
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region

# Where bytes for a continent go, in the words of price lists that bill by destination.
_TOWARDS = {"north-america": TO_AMERICAS, "south-america": TO_AMERICAS, "oceania": TO_AUSTRALIA}


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where bytes come from or go to: ``name`` is what `EgressFigures` call it.

    ``cloud`` bills what leaves it, empty for the operator's own; ``region`` is empty where it is not known. ``known``
    is False of a store at an address of its own, which may be anywhere.
    """

    name: str
    cloud: str = ""
    region: str = ""
    known: bool = True


def egress(request: Request, pairs: Iterable[tuple[Region, Region]], catalog: Catalog) -> tuple[EgressFigures, ...]:
    """
    Return the prices of all ways on which bytes leave for another region, sorted.

    These are the links (*pairs*) in both directions, because acknowledgements travel back; from a store that stands
    elsewhere than its gateways to them, and from gateways to such a store. What stays inside a region, where a store
    and its gateways are, is in no price list.
    """
    ways = {(_site(one), _site(other)) for pair in pairs for one, other in (pair, pair[::-1])}
    for job in request.jobs:
        if (store := _elsewhere(job.source, catalog)) is not None:
            ways.add((store, _site(job.source.region)))
        for end in job.destinations:
            if (store := _elsewhere(end, catalog)) is not None:
                ways.add((_site(end.region), store))
    found = {(source.name, target.name): _figures(source, target, catalog) for source, target in ways}
    return tuple(found[names] for names in sorted(found))


def _site(region: Region) -> Place:
    return Place(str(region)) if own(region) else Place(str(region), region.cloud, region.name)


def _elsewhere(end: Endpoint, catalog: Catalog) -> Place | None:
    """Return the store of *end*, None where it stands with its gateways."""
    name = f"{end.store.scheme}://{end.store.bucket}"
    if end.store.endpoint_url:
        # A store with an address that the operator's own machine serves is taken to be near it, as paths are.
        return None if own(end.region) else Place(name, known=False)
    if is_own(end):
        return None if own(end.region) else Place(name)
    row = biller(end, catalog)
    if row is None:
        return Place(name, known=False)
    if (row.cells["cloud"], end.store.region) == (end.region.cloud, end.region.name):
        return None
    return Place(name, row.cells["cloud"], end.store.region)


def _figures(source: Place, target: Place, catalog: Catalog) -> EgressFigures:
    if not source.known:
        return EgressFigures(source.name, target.name)
    if not source.cloud:
        return EgressFigures(source.name, target.name, (Tier(0.0, None, free()),))
    scope = INTER_REGION if source.cloud == target.cloud else INTERNET
    names = _names(source, catalog)
    rows = [row for row in catalog.rows("egress", cloud=source.cloud, scope=scope) if row.cells["from"] in names]
    ladders, rule, likely = _ladders(rows, source, target, catalog)
    if not ladders:
        return EgressFigures(source.name, target.name)
    return EgressFigures(source.name, target.name, tiers(ladders, rule, likely), gb_bytes(ladders[0]))


def _names(place: Place, catalog: Catalog) -> list[str]:
    """Return by what rows may call *place*: the most exact first, groups of few regions before those of many."""
    if not place.region:
        return [ANY]
    groups = [row.cells["group"] for row in catalog.rows("groups", cloud=place.cloud, region=place.region)]
    sizes = {name: len(catalog.rows("groups", cloud=place.cloud, group=name)) for name in groups}
    return [place.region, *sorted(groups, key=lambda name: (sizes[name], name)), ANY]


def _ladders(
    rows: Sequence[Row], source: Place, target: Place, catalog: Catalog
) -> tuple[list[Ladder], str, int | None]:
    """Return the ladders that hold for a way, why there are several, and which of them is likeliest."""
    top = max((row.layer for row in rows), default=0)
    by_list: dict[str, list[Row]] = {}
    for row in rows:
        if row.layer == top:
            by_list.setdefault(row.cells["from"], []).append(row)
    held = {
        name: found for name, of_list in by_list.items() if (found := _towards(of_list, source, target, catalog))[0]
    }
    groups = sorted(set(held) - {source.region, ANY})
    # Two groups of one region are two price lists: both may hold.
    lists = [source.region] if source.region in held else groups or sorted(held)
    ladders = [ladder for name in lists for ladder in held[name][0]]
    rules = [held[name][1] for name in lists if held[name][1]]
    if len(lists) > 1:
        return ladders, "; ".join(["two price lists: bounds are the least and the most of both", *rules]), None
    return ladders, "; ".join(rules), 0 if rules else None


def _towards(rows: Sequence[Row], source: Place, target: Place, catalog: Catalog) -> tuple[list[Ladder], str]:
    """Return the ladders of one price list that hold for *target*, the likeliest first, and why there are several."""
    by_target: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.number("tier_from_gb") or 0.0):
        by_target.setdefault(row.cells["to"], []).append(row)
    continent = _continent(target, catalog)
    names = [] if source.cloud != target.cloud else [name for name in _names(target, catalog) if name != ANY]
    if source.cloud == target.cloud and continent:
        names.append(SAME_CONTINENT if continent == _continent(source, catalog) else OTHER_CONTINENT)
    for name in (*names, _TOWARDS.get(continent, ""), ANY):
        if name in by_target:
            return [by_target[name]], ""
    if TO_AMERICAS not in by_target:
        return [], ""
    # The list has no price for where this goes: that to the Americas is the one for most of the world.
    others = (TO_AUSTRALIA,) if continent else (TO_AUSTRALIA, TO_CHINA)
    ladders: list[Ladder] = [by_target[name] for name in (TO_AMERICAS, *others) if name in by_target]
    where = target.region if continent else "its place"
    return ladders, f"no price to {where} is known: likely that to the Americas, at most the dearest elsewhere"


def _continent(place: Place, catalog: Catalog) -> str:
    row = catalog.row("regions", cloud=place.cloud, region=place.region) if place.region else None
    return row.cells["continent"] if row is not None else ""
