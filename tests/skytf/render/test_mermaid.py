from __future__ import annotations

import re

from skytf.render.mermaid import label_of, mermaid
from skytf.render.reading import reading
from skytf.render.words import TIMES
from tests.skytf.render import sample


def test_a_label_cannot_end_or_mean_anything() -> None:
    shown = label_of(sample.HOSTILE)

    assert re.fullmatch(r"[\w .,:/$%?+-]{1,80}", shown, re.ASCII)


def test_what_labels_say_of_figures_is_kept() -> None:
    text = f"≈ 15.9 Gbit/s, 4 {TIMES} m5.8xlarge, $0.07-$0.09/GB"

    assert label_of(text) == text


def test_every_line_is_a_node_or_a_link() -> None:
    it = reading(sample.clouds_page())

    first, *lines = mermaid(it.sites, it.links).splitlines()

    assert first == "flowchart LR"
    nodes = [one for one in lines if re.fullmatch(r'  s\d+(\["[^"]*"\]|\(\["[^"]*"\]\))', one)]
    links = [one for one in lines if re.fullmatch(r'  s\d+ (-->|==>)\|"[^"]*"\| s\d+', one)]
    assert len(nodes) == 4
    assert len(links) == 3
    assert len(lines) == 7


def test_nothing_to_draw_is_no_graph() -> None:
    it = reading(sample.clouds_page())

    assert mermaid(it.sites, ()) == ""
