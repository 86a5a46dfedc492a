"""Which clouds and regions there are, so that a mistyped one is not taken for one of which nothing is known."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from skytf.catalog.reading import Row
from skytf.catalog.schema import TABLES
from skytf.catalog.tables import Catalog
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import sheet
from skytf.errors import InputError

# The tables that name the most; the others are as long as the price lists of all clouds.
_NAMING = ("regions", "groups", "egress")
_LIST = "skytf catalog show regions lists those there are"


def check_names(catalog: Catalog, table: str, asked: Mapping[str, str]) -> None:
    """
    Look whether the clouds, regions and sites that *asked* (column → text) has are in any table, ours or a user's.

    What only the long tables name is known where *table* is that one.

    Raises:
        InputError: One of them is nowhere; the hint has the nearest name.
    """
    names = _names(catalog, table)
    clouds = {cloud for cloud, _ in names}
    cloud = asked.get("cloud", "")
    if cloud:
        _check(cloud, clouds, "cloud", f"clouds: {', '.join(sorted(clouds))}")
    if "region" in asked:
        of = f"region of {cloud}" if cloud else "region"
        _check(asked["region"], {place for one, place in names if cloud in ("", one)}, of, _LIST)
    sites = clouds | {f"{one}:{place}" for one, place in names}
    ends = sites | {place for _, place in names} if table == "egress" else sites
    for column in ("from", "to"):
        if column in asked:
            _check(asked[column], ends, "cloud or region", _LIST)


def _check(text: str, known: Collection[str], what: str, hint: str) -> None:
    if text in known:
        return
    # Swapped letters are the usual slip: us-esat-1 is as near to us-west-1 as to us-east-1.
    near = sorted(difflib.get_close_matches(text, sorted(known)), key=lambda one: sorted(one) != sorted(text))
    raise InputError(f"there is no {what} {text!r}", hint=f"did you mean {' or '.join(near)}?" if near else hint)


def _names(catalog: Catalog, table: str) -> set[tuple[str, str]]:
    """Return cloud and place of all that is named; the place is empty where a cloud stands alone."""
    names = {(cloud, place) for cloud in CLOUDS for place in ("", *sheet(cloud).regions)}
    for name in {*_NAMING, table}:
        names.update(pair for row in catalog.rows(name) for pair in _pairs(name, row))
    for layer in catalog.layers:
        names.update(pair for name, rows in layer.items() for row in rows for pair in _pairs(name, row))
    return names


def _pairs(table: str, row: Row) -> Iterator[tuple[str, str]]:
    for column in TABLES[table].columns:
        text = row.cells[column.name]
        if column.kind == "site":
            cloud, _, place = text.partition(":")
            yield cloud, place
        elif column.name == "cloud":
            yield text, ""
        elif column.name in ("region", "group", "from", "to"):
            yield row.cells["cloud"], text
