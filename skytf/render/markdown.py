"""Text of others in Markdown."""

from __future__ import annotations

import re

_TEXT_CHARS = 300
_BACKTICKS = re.compile("`+")


def code(text: str) -> str:
    """
    Return *text*, which a user or a bucket wrote, as a Markdown code span that shows it and does nothing else.

    Control and direction-changing characters are written as escapes; a long text loses its middle.
    """
    if len(text) > _TEXT_CHARS:
        text = f"{text[: _TEXT_CHARS // 2]} … {text[-_TEXT_CHARS // 2 :]}"
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    # A space at both ends is part of the span's syntax where the text itself begins or ends with a backtick or space.
    pad = " " if shown[:1] in ("`", " ") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
