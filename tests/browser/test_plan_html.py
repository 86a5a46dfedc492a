"""plan.html in a real browser: what it asks for, what fits, what can be read, what a keyboard reaches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from skytf.model.review import Page
from skytf.render.plan_html import plan_html
from tests.browser.conftest import Visit
from tests.skytf.render import sample

LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")
SAMPLES: dict[str, Callable[[], Page]] = {
    "clouds": sample.clouds_page,
    "unknown": sample.unknown_page,
    "offline": sample.offline_page,
    "changed": sample.changed_page,
    "local": sample.local_page,
    "big": sample.big_page,
    "crossing": lambda: sample.crossing_page(10),
    "hostile": lambda: sample.crowded_page(sample.HOSTILE, jobs=5, instances=2),
}
# WCAG 2.2, success criteria 1.4.3 (text, also the small one) and 1.4.11 (lines that carry meaning).
TEXT_CONTRAST = 4.5
LINE_CONTRAST = 3.0

pytestmark = pytest.mark.slow
Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a sample by its name; the context's options follow (viewport, color_scheme …)."""
    visits = []

    def opened(name: str, **context: Any) -> Visit:
        file = tmp_path / "plan.html"
        file.write_bytes(plan_html(SAMPLES[name]()))
        visits.append(Visit(browser, **context))
        visits[-1].open(file)
        return visits[-1]

    yield opened
    for one in visits:
        one.close()


def look(visit: Visit, what: str) -> Any:
    return visit.page.evaluate(f"eval({json.dumps(LOOK)}).{what}()")


def unfold(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")


@pytest.mark.parametrize("name", SAMPLES)
def test_no_request_leaves_the_page_and_nothing_is_complained_about(visit: Open, name: str) -> None:
    seen = visit(name)

    seen.page.mouse.wheel(0, 20_000)
    unfold(seen)

    assert len(seen.asked) == 1
    assert seen.asked[0].startswith("file:")
    assert seen.complaints == []


def test_it_is_the_same_without_scripts(visit: Open) -> None:
    with_scripts, without = visit("clouds"), visit("clouds", java_script_enabled=False)

    assert with_scripts.page.locator("main").inner_text() == without.page.locator("main").inner_text()


def test_what_a_name_smuggles_in_would_be_stopped_by_the_policy(visit: Open) -> None:
    """The second line of defence: even what is put into the page afterwards can neither style nor fetch nor run."""
    seen = visit("clouds")

    seen.page.evaluate(
        """() => {
            document.body.insertAdjacentHTML('beforeend', '<style>main { display: none }</style>'
                + '<img src="http://127.0.0.1:9/x.png" onerror="document.title = 1">');
            const script = document.createElement('script');
            script.textContent = 'document.title = 2';
            document.body.append(script);
        }"""
    )

    assert seen.page.locator("main").is_visible()
    assert seen.page.title().startswith("Plan: ")
    assert seen.failed == {"http://127.0.0.1:9/x.png": "csp"}
    assert any("Content Security Policy" in one for one in seen.complaints)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [320, 768, 1_200])
def test_the_page_never_scrolls_sideways(visit: Open, name: str, width: int) -> None:
    seen = visit(name, viewport={"width": width, "height": 640})

    unfold(seen)

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    reached = seen.page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter((one) => !one.closest('.scroll') && !one.classList.contains('skip'))
            .map((one) => one.getBoundingClientRect().right)
            .reduce((most, one) => Math.max(most, one), 0)"""
    )
    assert reached <= width


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(visit: Open, name: str, scheme: str) -> None:
    seen = visit(name, color_scheme=scheme)

    unfold(seen)

    found = look(seen, "contrasts")
    assert len(found) > 60
    assert [one for one in found if one["ratio"] < TEXT_CONTRAST] == []


def test_light_and_dark_are_different(visit: Open) -> None:
    colours = [
        visit("local", color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]

    assert len(set(colours)) == 2


@pytest.mark.parametrize("name", SAMPLES)
def test_no_label_of_the_map_lies_on_anything(visit: Open, name: str) -> None:
    seen = visit(name)

    looked = look(seen, "overlaps")
    assert looked["texts"] > looked["plates"] > 0
    assert looked["found"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["clouds", "unknown"])
def test_every_line_and_box_of_the_map_can_be_seen(visit: Open, name: str, scheme: str) -> None:
    seen = visit(name, color_scheme=scheme)

    found = look(seen, "lines")
    assert len(found) == 7
    assert [one for one in found if one["ratio"] < LINE_CONTRAST] == []


def test_the_bottleneck_is_told_by_more_than_a_colour(visit: Open) -> None:
    seen = visit("clouds")

    lines = [one for one in look(seen, "lines") if one["of"] == "path"]
    assert [one["dashes"] for one in lines].count("none") == 2
    assert len({one["stroke"] for one in lines}) == 2
    assert (seen.page.locator(".label.limits text").first.text_content() or "") == "bottleneck"


def test_a_keyboard_reaches_the_plan_its_sections_and_what_is_folded(visit: Open) -> None:
    page = visit("clouds").page

    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the plan"
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    summaries = page.locator("summary")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    first = summaries.first
    assert first.evaluate("one => one === document.activeElement")
    outline = first.evaluate("one => getComputedStyle(one).outlineStyle + ' ' + getComputedStyle(one).outlineWidth")
    assert outline == "solid 3px"
    assert not first.locator("..").evaluate("one => one.open")
    page.keyboard.press("Enter")
    assert first.locator("..").evaluate("one => one.open")


def test_whatever_scrolls_can_be_scrolled_with_the_keyboard(visit: Open) -> None:
    page = visit("clouds", viewport={"width": 320, "height": 640}).page

    region = page.get_by_role("region", name="Map of the topology")
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('figure .scroll').scrollLeft > 0")

    assert region.evaluate("one => one.scrollWidth > one.clientWidth")


def test_landmarks_headings_and_tables_have_names(visit: Open) -> None:
    page = visit("changed").page

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("banner").count() == page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Sections").get_by_role("link").count() == 8
    assert page.get_by_role("heading", level=1).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.get_by_role("table", name="US dollars, before tax").get_by_role("rowheader").count() == 6
    assert page.get_by_role("img", name="Sites and the links between them").count() == 1


def test_in_print_everything_is_unfolded_and_nothing_is_cut(visit: Open, tmp_path: Path) -> None:
    seen = visit("clouds", color_scheme="dark", viewport={"width": 700, "height": 900})
    page = seen.page

    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert page.get_by_text("ec2:CreateInstance").is_visible()
    svg, window = page.locator("figure svg").bounding_box(), page.viewport_size
    assert svg is not None
    assert window is not None
    assert svg["x"] + svg["width"] <= window["width"]
    assert [one for one in look(seen, "contrasts") if one["ratio"] < TEXT_CONTRAST] == []
    assert page.pdf(format="A4").startswith(b"%PDF")
