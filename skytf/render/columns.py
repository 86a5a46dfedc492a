"""Which site stands in which column of a map, so that every link leads to the right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """
    Boxes in columns, from top to bottom, and the way of each link through them.

    A site that sends and receives in a circle has two boxes: ``<site>`` sends, ``<site> again`` receives. A link that
    skips columns passes each of them in a lane, a name that begins with ``lane``; ``ways`` are in the order of the
    links.
    """

    columns: tuple[tuple[str, ...], ...]
    ways: tuple[tuple[str, ...], ...]
    sites: Mapping[str, str]


_AGAIN = " again"
_LANE = "lane "
_SWEEPS = 4


def is_lane(name: str) -> bool:
    """Whether *name* of a column is no box but a place where a link passes."""
    return name.startswith(_LANE)


def columns(sites: Sequence[str], pairs: Sequence[Pair], relays: Collection[str]) -> Columns:
    """Return where *sites* stand that *pairs* link; a site of *relays* is split in two only where it must be."""
    ends = _without_circles(pairs, [one for one in sites if one not in relays])
    ends = _without_circles(ends, sites)
    boxes = sorted({*sites, *(end for pair in ends for end in pair)})
    depth = _depths(boxes, ends)
    ways = tuple(_way(pair, number, depth) for number, pair in enumerate(ends))
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for box in boxes:
        rows[depth[box]].append(box)
    for way in ways:
        for name in way[1:-1]:
            rows[depth[way[0]] + way.index(name)].append(name)
    _untangle(rows, ways)
    return Columns(tuple(map(tuple, rows)), ways, {box: box.removesuffix(_AGAIN) for box in boxes})


def _without_circles(pairs: Sequence[Pair], may_split: Collection[str]) -> list[Pair]:
    """Return *pairs* with what arrives at a site in a circle arriving at its second box."""
    after: dict[str, set[str]] = {}
    for source, target in pairs:
        after.setdefault(source, set()).add(target)
    circling = {one for one in may_split if one in _reached(one, after)}
    return [(source, target + _AGAIN if target in circling else target) for source, target in pairs]


def _reached(start: str, after: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = after.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def _depths(boxes: Iterable[str], pairs: Sequence[Pair]) -> dict[str, int]:
    """Return box → column: as far right as its longest way from a source, and at the end where nothing follows it."""
    depth = dict.fromkeys(boxes, 0)
    for _ in depth:
        for source, target in pairs:
            depth[target] = max(depth[target], depth[source] + 1)
    sending = {source for source, _ in pairs}
    receiving = {target for _, target in pairs}
    last = max(depth.values(), default=0)
    return {box: last if box in receiving and box not in sending else at for box, at in depth.items()}


def _way(pair: Pair, number: int, depth: Mapping[str, int]) -> tuple[str, ...]:
    source, target = pair
    lanes = [f"{_LANE}{number} {column}" for column in range(depth[source] + 1, depth[target])]
    return (source, *lanes, target)


def _untangle(rows: list[list[str]], ways: Iterable[Sequence[str]]) -> None:
    """Sort each column by where its neighbours stand, there and back again: fewer links cross (Sugiyama's sweeps)."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for way in ways:
        for one, following in pairwise(way):
            after.setdefault(one, []).append(following)
            before.setdefault(following, []).append(one)
    for row in rows:
        row.sort()
    for sweep in range(_SWEEPS):
        onward = sweep % 2 == 0
        near = before if onward else after
        for row in rows if onward else reversed(rows):
            place = {name: number for other in rows for number, name in enumerate(other)}
            row.sort(key=lambda name: (_mean(near.get(name, []), place, place[name]), name))


def _mean(names: Sequence[str], place: Mapping[str, int], own: int) -> float:
    return sum(place[one] for one in names) / len(names) if names else float(own)
