"""The map of a topology: boxes, lines and labels with their places, in CSS pixels; no label lies on anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skytf.render.columns import Columns, columns, is_lane
from skytf.render.links import SiteLink
from skytf.render.sites import RELAY, SiteRow

BOX_WIDTH, BOX_HEIGHT = 216, 92
LABEL_WIDTH = 124
_GUTTER_WIDTH = 192
_MARGIN = 12
_LABEL_HEIGHT, _BOTTLENECK_HEIGHT = 38, 54
_SPACE = 12  # between labels
_BOX_SPACE = 28
_LANE_HEIGHT = 20
_PORT_SPACE = 12
_MIN_LINE, _MAX_LINE = 1.5, 6.5
_MANY_LINES = 30  # from there on they are drawn thinner: a hundred wide ones would be one patch
_ARROW = 10
_FEW_LABELS = 14  # so many at least, also where they make the map taller than its boxes do
_NAME_CHARS, _FITTING_CHARS = 26, 20


@dataclass(frozen=True, slots=True)
class Box:
    """One site: ``x`` and ``y`` are its upper left corner. ``squeezed`` where its name is wider than the box."""

    x: float
    y: float
    height: float
    site: SiteRow
    name: str
    squeezed: bool
    again: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One link: ``path`` as SVG has it, ``arrow`` the corners of its head."""

    path: str
    arrow: str
    width: float
    link: SiteLink

    @property
    def known(self) -> bool:
        """Whether its width says how much passes."""
        return self.link.flow_gbps.likely is not None


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on a line: the upper left corner of its plate, and its lines of text."""

    x: float
    y: float
    height: float
    texts: tuple[str, ...]
    link: SiteLink


@dataclass(frozen=True, slots=True)
class Map:
    """A drawing; ``unlabelled`` counts the links whose figures only the table has."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    unlabelled: int


@dataclass(frozen=True, slots=True)
class _Place:
    y: float
    height: float


def draw(sites: Sequence[SiteRow], links: Sequence[SiteLink]) -> Map:
    """Return the map of *sites* and *links*: sources on the left, destinations on the right."""
    relays = {one.region for one in sites if one.roles == (RELAY,)}
    grid = columns([one.region for one in sites], [(str(one.source), str(one.target)) for one in links], relays)
    height = max(_column_height(grid, column) for column in grid.columns)
    labelled = _labelled(grid, links, max(_FEW_LABELS, int(height // (_LABEL_HEIGHT + _SPACE)) - 1))
    height = max(height, _slots_height(grid, links, labelled))
    places = {name: place for column in grid.columns for name, place in _stack(grid, column, height).items()}
    middles = _slots(grid, links, labelled, places, height)
    by_name = {one.region: one for one in sites}
    boxes = tuple(
        _box(number, name, by_name[grid.sites[name]], places[name])
        for number, column in enumerate(grid.columns)
        for name in column
        if not is_lane(name)
    )
    widest = max((one.flow_gbps.likely or 0.0 for one in links), default=0.0)
    ports = _ports(grid, places, middles)
    lines = tuple(
        _line(number, grid, link, ports=ports, middles=middles, widest=widest) for number, link in enumerate(links)
    )
    labels = tuple(_label(grid, number, links[number], middles[number]) for number in sorted(labelled))
    width = len(grid.columns) * BOX_WIDTH + (len(grid.columns) - 1) * _GUTTER_WIDTH + 2 * _MARGIN
    return Map(width, height + 2 * _MARGIN, boxes, lines, labels, len(links) - len(labels))


def _gutter(grid: Columns, number: int) -> int:
    """Return after which column the label of link *number* stands: before the column in which it ends."""
    return _column(grid, grid.ways[number][-1]) - 1


def _column(grid: Columns, name: str) -> int:
    return next(number for number, column in enumerate(grid.columns) if name in column)


def _labelled(grid: Columns, links: Sequence[SiteLink], at_most: int) -> set[int]:
    """Return the links that have a label: of each gutter those that carry the most, and the bottleneck."""
    gutters: dict[int, list[int]] = {}
    for number in range(len(links)):
        gutters.setdefault(_gutter(grid, number), []).append(number)

    def order(number: int) -> tuple[bool, float, int]:
        return not links[number].bottleneck, -(links[number].flow_gbps.likely or 0.0), number

    return {number for found in gutters.values() for number in sorted(found, key=order)[:at_most]}


def _label_height(link: SiteLink) -> int:
    return _BOTTLENECK_HEIGHT if link.bottleneck else _LABEL_HEIGHT


def _heights(grid: Columns, column: Sequence[str]) -> dict[str, float]:
    ends = [end for way in grid.ways for end in (way[0], way[-1])]
    starts = [way[0] for way in grid.ways]
    return {
        name: _LANE_HEIGHT
        if is_lane(name)
        else max(BOX_HEIGHT, _PORT_SPACE * (1 + max(starts.count(name), ends.count(name) - starts.count(name))))
        for name in column
    }


def _column_height(grid: Columns, column: Sequence[str]) -> float:
    heights = _heights(grid, column)
    return sum(heights.values()) + _BOX_SPACE * (len(heights) - 1)


def _slots_height(grid: Columns, links: Sequence[SiteLink], labelled: set[int]) -> float:
    heights: dict[int, float] = {}
    for number in labelled:
        gutter = _gutter(grid, number)
        heights[gutter] = heights.get(gutter, -_SPACE) + _label_height(links[number]) + _SPACE
    return max(heights.values(), default=0.0)


def _stack(grid: Columns, column: Sequence[str], height: float) -> dict[str, _Place]:
    """Return the places of one column, in the middle of *height*."""
    heights = _heights(grid, column)
    # Where there is room to spare, columns spread: lines are then flatter.
    spare = height - _column_height(grid, column)
    space = _BOX_SPACE + spare / (len(heights) + 1) * (len(heights) > 1)
    y = _MARGIN + (height - sum(heights.values()) - space * (len(heights) - 1)) / 2
    places = {}
    for name, tall in heights.items():
        places[name] = _Place(y, tall)
        y += tall + space
    return places


def _slots(
    grid: Columns, links: Sequence[SiteLink], labelled: set[int], places: Mapping[str, _Place], height: float
) -> dict[int, float]:
    """Return link → the height at which it passes the middle of its gutter; labels keep their distance."""

    def aim(number: int) -> float:
        *_, before, last = grid.ways[number]
        return sum(places[one].y + places[one].height / 2 for one in (before, last)) / 2

    middles = {number: aim(number) for number in range(len(links))}
    for gutter in range(len(grid.columns) - 1):
        inside = sorted((n for n in labelled if _gutter(grid, n) == gutter), key=lambda n: (middles[n], n))
        heights = [_label_height(links[n]) for n in inside]
        for number, y in zip(inside, _apart([middles[n] for n in inside], heights, height), strict=True):
            middles[number] = y
    return middles


def _apart(wished: Sequence[float], heights: Sequence[float], height: float) -> list[float]:
    """Return middles as near to those *wished* as the *heights* between them and the edges allow; both sorted."""
    found: list[float] = []
    edge = float(_MARGIN)
    for middle, tall in zip(wished, heights, strict=True):
        found.append(max(middle, edge + tall / 2))
        edge = found[-1] + tall / 2 + _SPACE
    edge = _MARGIN + height
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], edge - heights[number] / 2)
        edge = found[number] - heights[number] / 2 - _SPACE
    return found


def _ports(grid: Columns, places: Mapping[str, _Place], middles: Mapping[int, float]) -> dict[tuple[int, str], float]:
    """Return (link, box) → the height at which the link meets the box; those of one side do not cross there."""
    sides: dict[tuple[str, bool], list[int]] = {}
    for number, way in enumerate(grid.ways):
        sides.setdefault((way[0], True), []).append(number)
        sides.setdefault((way[-1], False), []).append(number)
    found = {}
    for (name, leaving), numbers in sides.items():
        place = places[name]

        def aim(number: int, leaving: bool = leaving) -> float:
            way = grid.ways[number]
            return places[way[1]].y if leaving and is_lane(way[1]) else middles[number]

        for order, number in enumerate(sorted(numbers, key=lambda n: (aim(n), n)), start=1):
            found[number, name] = place.y + place.height * order / (len(numbers) + 1)
    for number, way in enumerate(grid.ways):
        found |= {(number, name): places[name].y + places[name].height / 2 for name in way[1:-1]}
    return found


def _left(column: int) -> float:
    return _MARGIN + column * (BOX_WIDTH + _GUTTER_WIDTH)


def _line(
    number: int,
    grid: Columns,
    link: SiteLink,
    *,
    ports: Mapping[tuple[int, str], float],
    middles: Mapping[int, float],
    widest: float,
) -> Line:
    way = grid.ways[number]
    first = _column(grid, way[0])
    x, y = _left(first) + BOX_WIDTH, ports[number, way[0]]
    path = [f"M{x:.1f} {y:.1f}"]
    for step, name in enumerate(way[1:], start=1):
        left, next_y, last = _left(first + step), ports[number, name], step == len(way) - 1
        if last:
            middle, y_middle = x + (_GUTTER_WIDTH - LABEL_WIDTH) / 2, middles[number]
            path.append(f"{_bend(x, y, middle, y_middle)} L{middle + LABEL_WIDTH:.1f} {y_middle:.1f}")
            x, y = middle + LABEL_WIDTH, y_middle
            path.append(_bend(x, y, left - _ARROW, next_y))
        else:
            path.append(f"{_bend(x, y, left, next_y)} L{left + BOX_WIDTH:.1f} {next_y:.1f}")
        x, y = left + (0 if last else BOX_WIDTH), next_y
    share = (link.flow_gbps.likely or 0.0) / widest if widest else 0.0
    width = (_MIN_LINE + (_MAX_LINE - _MIN_LINE) * share) * min(1.0, _MANY_LINES / len(grid.ways))
    half = 4.0 + width * 0.6
    arrow = f"{x - _ARROW:.1f},{y - half:.1f} {x:.1f},{y:.1f} {x - _ARROW:.1f},{y + half:.1f}"
    return Line(" ".join(path), arrow, round(width, 2), link)


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _label(grid: Columns, number: int, link: SiteLink, middle: float) -> Label:
    height = _label_height(link)
    x = _left(_gutter(grid, number)) + BOX_WIDTH + (_GUTTER_WIDTH - LABEL_WIDTH) / 2
    texts = ("bottleneck", *link.labels) if link.bottleneck else link.labels
    return Label(x, round(middle - height / 2, 1), height, texts, link)


def _box(column: int, name: str, site: SiteRow, place: _Place) -> Box:
    shown = site.name if len(site.name) <= _NAME_CHARS else f"{site.name[: _NAME_CHARS - 1]}…"
    return Box(
        _left(column), round(place.y, 1), place.height, site, shown, len(shown) > _FITTING_CHARS, name != site.region
    )
