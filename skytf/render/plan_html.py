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
from skytf.render.reading import PAGE_ROWS, Reading, reading
from skytf.render.said import is_name
from skytf.render.templates import fill_html, trusted
from skytf.render.words import amount, count, time_limit, usd
from skytf.resources import templates_dir

MAX_BYTES = 400_000  # a page that opens at once, and that a reviewer of a pull request can still diff
_ROWS = (PAGE_ROWS, 50, 25, 10)  # of one table; with the longest names there are, 10 always fit
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
    """Return plan.html, at most `MAX_BYTES`: a table that is too long ends, and says which file has the rest."""
    it = reading(page)
    style = (templates_dir() / _STYLE).read_text(encoding="utf-8")
    text = b""
    for rows in _ROWS:
        text = fill_html(
            "plan.html.j2",
            it=it,
            page=page,
            rows=rows,
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
        text = head.lstrip() + mark + _BLANK_LINES.sub(b"\n", body)
        if len(text) <= MAX_BYTES:
            break
    return text


def _short(text: str) -> str:
    return text if len(text) <= _FLEET_CHARS else f"{text[: _FLEET_CHARS - 1]}…"


def _bars(it: Reading) -> Callable[[Span], Markup]:
    """Return what draws a cost as a bar as long as it is likely, and open up to its high; the cells say the same."""
    most = max((one.usd.high or one.usd.low for one in it.kinds), default=0.0)

    def bar(span: Span) -> Markup:
        if not most:
            return trusted("")
        solid, upto = ((_BAR_WIDTH - 2) * (value or 0.0) / most for value in (span.likely or span.low, span.high))
        return trusted(
            f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} 12" aria-hidden="true">'
            f'<rect x="1" y="2" width="{max(solid, 1):.1f}" height="8"/>'
            f'<rect class="upto" x="1" y="2" width="{max(upto, 1):.1f}" height="8"/></svg>'
        )

    return bar
