from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from skytf.model.review import Page
from skytf.render.plan_html import MAX_BYTES, plan_html
from tests.skytf.render import sample

PAGES = [
    sample.clouds_page,
    sample.unknown_page,
    sample.offline_page,
    sample.changed_page,
    sample.local_page,
    sample.big_page,
]
_VOID = {"meta", "path", "polygon", "rect"}


class Outline(HTMLParser):
    """What a page is made of: its elements, attributes and text; complains about what is not closed in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page.decode())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += attrs
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.mark.parametrize("make", PAGES)
def test_every_page_is_whole_and_the_same_again(make: Callable[[], Page]) -> None:
    page = plan_html(make())

    outline = Outline(page)
    names = dict(Counter(outline.ids))
    targets = [value[1:] for name, value in outline.attributes if name == "href" and value]
    labels = [one for name, value in outline.attributes if name == "aria-labelledby" for one in (value or "").split()]
    assert page == plan_html(make())
    assert set(names.values()) == {1}
    assert {*targets, *labels} <= names.keys()
    assert "None" not in outline.text
    assert outline.elements["table"] == outline.elements["caption"]


@pytest.mark.parametrize("make", [*PAGES, lambda: sample.crowded_page(sample.HOSTILE, jobs=3, instances=1)])
def test_nothing_of_it_is_run_or_fetched(make: Callable[[], Page]) -> None:
    page = plan_html(make())

    outline = Outline(page)
    assert not outline.elements.keys() & {
        "script",
        "img",
        "iframe",
        "object",
        "link",
        "form",
        "a:xlink",
        "use",
        "image",
    }
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name in {"style", "src"}]
    assert all((value or "").startswith("#") for name, value in outline.attributes if name == "href")


def test_only_the_style_that_was_written_is_let_in() -> None:
    page = plan_html(sample.clouds_page()).decode()

    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"" in page
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_are_shown_and_do_nothing() -> None:
    ours = Outline(plan_html(sample.crowded_page("k", jobs=3, instances=1))).elements

    outline = Outline(plan_html(sample.crowded_page(sample.HOSTILE, jobs=3, instances=1)))

    assert outline.elements == ours
    assert "<script>alert(1)</script>" in outline.text
    assert "{{ 7 * 7 }}" in outline.text
    assert not set("\u202e\x1b\x00") & set(outline.text)


def test_it_has_what_a_comment_has_no_room_for() -> None:
    text = re.sub(r"\s+", " ", Outline(plan_html(sample.clouds_page())).text)

    assert "ec2:CreateInstance" in text
    assert "compute.instances.delete" in text
    assert "egress, a GB from 10,240 to 51,200 GB" in text
    assert "by distance: 9,600 km, from links of this length; great-circle distance, 2026-10-01" in text
    assert "0f" * 32 in text
    assert "a7" * 32 in text


def test_the_map_says_in_words_what_it_shows() -> None:
    page = plan_html(sample.clouds_page()).decode()

    assert "aws:eu-west-1 sends ≈ 15.9 Gbit/s to azure:japaneast, at $0.07 to $0.09 per GB, the bottleneck." in page


@pytest.mark.parametrize("names", ["k" * 900, "<" * 900, "é" * 900])
def test_a_crowd_stays_small_enough_to_be_opened(names: str) -> None:
    page = plan_html(sample.crowded_page(names, instances=1))

    text = Outline(page).text
    assert len(page) <= MAX_BYTES
    assert re.search(r"And 2\d\d more, in topology.json.", text)
    assert re.search(r"And 2\d\d more, in transfer.json.", text)


def test_what_changed_comes_first() -> None:
    text = Outline(plan_html(sample.changed_page())).text

    assert text.index("What changed", text.index("Limits and digests")) < text.index(
        "What may go wrong", text.index("Limits and digests")
    )
    assert "gateways in aws:us-east-1" in text
