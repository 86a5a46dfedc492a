"""PLAN.md: what a reviewer reads, also as a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gateway.units import format_bytes
from skytf.clouds.sheet import sheet
from skytf.model.review import Page
from skytf.render.links import ESTIMATED
from skytf.render.markdown import cell, code, prose
from skytf.render.mermaid import mermaid
from skytf.render.reading import PAGE_ROWS, reading
from skytf.render.said import in_markdown
from skytf.render.templates import fill
from skytf.render.words import amount, count, listed, time_limit, usd

# GitHub takes 65,535 characters in a comment, and other hosts count bytes: neither is exceeded, also not with the mark
# by which a comment is found again (examples/ci/comment.py).
MAX_CHARS = 65_535 - 1_024
_ROWS = (200, 100, 50, 20, 10, 5, 3)  # the longest tables that fit are shown; three rows of everything always do
_BLANKS = re.compile(rb"\n{3,}")
_SOURCES = 2


def plan_md(page: Page) -> bytes:
    """Return PLAN.md, at most `MAX_CHARS` bytes: what is too long ends after a whole row and says where the rest is."""
    it = reading(page)
    text = b""
    for rows in _ROWS:
        text = fill(
            "PLAN.md.j2",
            it=it,
            page=page,
            rows=rows,
            shortened=rows != _ROWS[0],
            graph=mermaid(it.sites, it.links),
            in_clouds=any(sheet(one.region.cloud).provider is not None for one in page.review.sites),
            estimated=any(one.basis == ESTIMATED for one in it.links),
            time_limit=time_limit(page.request.ttl_minutes),
            amount=amount,
            cell=cell,
            code=code,
            count=count,
            more=_more(rows),
            prose=prose,
            size=format_bytes,
            sources=_sources,
            tell=in_markdown,
            usd=usd,
            where=_where,
        )
        text = _BLANKS.sub(b"\n\n", text)  # where a table was short, nothing stands for the rest of it
        if len(text) <= MAX_CHARS:
            break
    return text


def _more(rows: int) -> Callable[[Sequence[object], str], str]:
    def more(table: Sequence[object], where: str) -> str:
        if len(table) <= rows:
            return ""
        return f"And {len(table) - rows:,} more, in {where if len(table) > PAGE_ROWS else 'plan.html'}.\n"

    return more


def _sources(names: Sequence[str]) -> str:
    if not names:
        return "not known"
    more = f" and {len(names) - _SOURCES} more" if len(names) > _SOURCES else ""
    return "; ".join(prose(one) for one in names[:_SOURCES]) + more


def _where(sites: Sequence[tuple[str, int]]) -> str:
    """Return how many are in which site, shorter where all have as many."""
    numbers = {number for _, number in sites}
    if len(sites) == 1:
        return prose(sites[0][0])
    if len(numbers) == 1:
        return f"{numbers.pop()} in each of {prose(listed([name for name, _ in sites]))}"
    return prose(listed([f"{number} in {name}" for name, number in sites]))
