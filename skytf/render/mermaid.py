"""A topology as a Mermaid graph, which GitHub and GitLab draw in a comment."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skytf.render.links import SiteLink
from skytf.render.sites import SiteRow

# A graph with more of either is a knot: the tables say it better.
MAX_SITES = 20
MAX_LINKS = 30
# Whatever else a label holds could end it, or be read as Mermaid's own signs.
_UNSAFE = re.compile(r"[^\w .,:/$%\u00d7\u2248+-]", re.ASCII)


def mermaid(sites: Sequence[SiteRow], links: Sequence[SiteLink]) -> str:
    """Return the lines of a flowchart; empty where there is nothing to draw, or too much."""
    if not links or len(sites) > MAX_SITES or len(links) > MAX_LINKS:
        return ""
    ids = {one.region: f"s{number}" for number, one in enumerate(sites)}
    lines = ["flowchart LR"]
    for one in sites:
        opening, closing = ("([", "])") if one.roles == ("relay",) else ("[", "]")
        label = "<br/>".join(label_of(text) for text in (one.region, one.fleet, _role(one)) if text)
        lines.append(f'  {ids[one.region]}{opening}"{label}"{closing}')
    for link in links:
        arrow = "==>" if link.bottleneck else "-->"
        label = "<br/>".join(label_of(text) for text in (*link.labels, "bottleneck" if link.bottleneck else "") if text)
        lines.append(f'  {ids[str(link.source)]} {arrow}|"{label}"| {ids[str(link.target)]}')
    return "\n".join(lines)


def _role(one: SiteRow) -> str:
    return ", ".join((*one.roles, "bottleneck") if one.bottleneck else one.roles)


def label_of(text: str) -> str:
    """Return *text* with nothing in it that means something in a Mermaid label."""
    return _UNSAFE.sub("?", text)[:80]
