from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from skytf.model.review import Page
from skytf.render.map import BOX_WIDTH, LABEL_WIDTH, Map, draw
from skytf.render.reading import reading
from tests.skytf.render import sample

Area = tuple[float, float, float, float]


def map_of(page: Page) -> Map:
    it = reading(page)
    return draw(it.sites, it.links)


def areas(drawn: Map) -> list[Area]:
    boxes = [(one.x, one.y, one.x + BOX_WIDTH, one.y + one.height) for one in drawn.boxes]
    return boxes + [(one.x, one.y, one.x + LABEL_WIDTH, one.y + one.height) for one in drawn.labels]


@pytest.mark.parametrize(
    "make",
    [
        sample.local_page,
        sample.clouds_page,
        sample.unknown_page,
        *(lambda n=n: sample.big_page(n, 20 - n) for n in range(1, 20)),
        lambda: sample.big_page(30, 30),
    ],
)
def test_nothing_lies_on_anything_else_or_outside(make: Callable[[], Page]) -> None:
    drawn = map_of(make())

    found = areas(drawn)
    for one, other in itertools.combinations(found, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    assert all(x >= 0 and y >= 0 and to_x <= drawn.width and to_y <= drawn.height for x, y, to_x, to_y in found)


def test_what_carries_more_is_drawn_wider() -> None:
    drawn = map_of(sample.big_page(2, 2))

    widths = [one.width for one in sorted(drawn.lines, key=lambda line: line.link.flow_gbps.likely or 0.0)]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_the_bottleneck_is_named_in_words() -> None:
    labels = map_of(sample.clouds_page()).labels

    assert [one.texts[0] for one in labels if one.link.bottleneck] == ["bottleneck"]


def test_where_there_are_too_many_links_those_that_carry_most_have_labels() -> None:
    page = sample.crossing_page(10)

    drawn = map_of(page)

    labelled = {one.link.flow_gbps.likely or 0.0 for one in drawn.labels}
    others = {one.link.flow_gbps.likely or 0.0 for one in drawn.lines} - labelled
    assert len(drawn.labels) + drawn.unlabelled == len(drawn.lines) == 100
    assert min(labelled) > max(others)
