"""plan.html: what a reviewer looks at in a browser; one file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from markupsafe import Markup

from gateway.units import format_bytes
from skytf.clouds.sheet import sheet
from skytf.model.review import Page
from skytf.model.span import Span
from skytf.render.links import ESTIMATED
from skytf.render.map import BOX_HEIGHT, BOX_WIDTH, LABEL_WIDTH, draw
from skytf.render.markdown import visible
from skytf.render.reading import Reading, reading
from skytf.render.said import is_name
from skytf.render.templates import fill_html, trusted
from skytf.render.words import amount, count, time_limit, usd
from skytf.resources import templates_dir

MAX_ROWS = 100  # of one table; with the longest names a page stays below half a megabyte
_STYLE = "plan.css"
_BLANK_LINES = re.compile(rb"\n\s*\n+")
_FLEET_CHARS = 26
_BAR_WIDTH = 144
_SECTIONS = (
    ("risks", "What may go wrong"),
    ("map", "Where the bytes go"),
    ("cost", "What it costs"),
    ("created", "What will be created"),
    ("objects", "What is copied, and what not"),
    ("access", "Who may do what"),
    ("limits", "Limits and digests"),
)


def plan_html(page: Page) -> bytes:
    """Return plan.html; a table has at most `MAX_ROWS` rows, and says which file has the rest."""
    it = reading(page)
    style = (templates_dir() / _STYLE).read_text(encoding="utf-8")
    text = fill_html(
        "plan.html.j2",
        it=it,
        page=page,
        rows=MAX_ROWS,
        sections=(("changes", "What changed"), *_SECTIONS) if page.against else _SECTIONS,
        style=trusted(style),
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        map=draw(it.sites, it.links),
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
        label_width=LABEL_WIDTH,
        bar=_bars(it),
        in_clouds=any(sheet(one.region.cloud).provider is not None for one in page.review.sites),
        estimated=any(one.basis == ESTIMATED for one in it.links),
        time_limit=time_limit(page.request.ttl_minutes),
        amount=amount,
        count=count,
        is_name=is_name,
        short=_short,
        size=format_bytes,
        usd=usd,
        visible=visible,
    )
    head, mark, body = text.partition(b"</style>")  # the style is what its digest says, to the byte
    return head.lstrip() + mark + _BLANK_LINES.sub(b"\n", body)


def _short(text: str) -> str:
    return text if len(text) <= _FLEET_CHARS else f"{text[: _FLEET_CHARS - 1]}…"


def _bars(it: Reading) -> Callable[[Span], Markup]:
    """Return what draws a cost as a bar from low to high, with a dot where it is likely; the cells say the same."""
    most = max((one.usd.high or 0.0 for one in it.kinds), default=0.0)

    def bar(span: Span) -> Markup:
        if span.high is None or not most:
            return trusted("")
        low, high = (6 + (_BAR_WIDTH - 12) * value / most for value in (span.low, span.high))
        likely = 6 + (_BAR_WIDTH - 12) * (span.likely if span.likely is not None else span.high) / most
        return trusted(
            f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} 12" aria-hidden="true">'
            f'<line x1="6" y1="6" x2="{_BAR_WIDTH - 6}" y2="6"/>'
            f'<rect x="{low:.1f}" y="4" width="{max(high - low, 1):.1f}" height="4" rx="2"/>'
            f'<circle cx="{likely:.1f}" cy="6" r="4"/></svg>'
        )

    return bar
