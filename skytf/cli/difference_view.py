"""What became different, for people: a line for each change, or a table that fits a pull request's comment."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from skytf.cli.tables import BAD, FAIR, GOOD
from skytf.cli.text import count, safe
from skytf.model.difference import SECTIONS, Change, Difference
from skytf.render.markdown import cell, prose

_SECTION_CHARS = max(map(len, SECTIONS))
_SAME = "Nothing is different."
# GitHub cuts a comment at 65,536 characters.
_MAX_CHARS = 65_000


def as_text(found: Difference) -> RenderableType:
    """Return a line for each change: ``+`` of what is new, ``-`` of what is gone, ``~`` of what is otherwise."""
    lines = [_line(one) for one in found.changes] or [Text(_SAME)]
    return Group(*lines, *(Text.assemble(("! ", FAIR), safe(note)) for note in found.notes))


def as_markdown(found: Difference) -> str:
    """Return a table, a row for each change; what does not fit a comment is counted."""
    lines = [f"**{count(len(found.changes), 'change')}**" if found.changes else _SAME, ""]
    if found.changes:
        lines += ["| | what | before | after |", "|---|---|---|---|"]
    rows = [
        f"| {one.section} | {prose(one.what)} | {_cell(one.before)} | {_cell(one.after)} |" for one in found.changes
    ]
    room = _MAX_CHARS - sum(len(line) + 1 for line in (*lines, *found.notes))
    shown = 0
    while shown < len(rows) and (room := room - len(rows[shown]) - 1) >= 0:
        shown += 1
    lines += rows[:shown]
    if shown < len(rows):
        lines += ["", f"And {len(rows) - shown:,} more: `skytf diff` prints all of them."]
    lines += [line for note in found.notes for line in ("", f"_{prose(note)}_")]
    return "\n".join(lines).rstrip() + "\n"


def _line(one: Change) -> Text:
    mark, style = ("~", FAIR) if one.before and one.after else ("+", GOOD) if one.after else ("-", BAD)
    texts = " → ".join(safe(text) for text in (one.before, one.after) if text)
    section = f"{one.section:{_SECTION_CHARS}}  "
    return Text.assemble((f"{mark} ", style), (section, "dim"), (safe(one.what), "bold"), f": {texts}")


def _cell(text: str) -> str:
    return cell(text) if text else ""
