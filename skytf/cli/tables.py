"""A plain table that looks the same in a log: no frame, text that is safe to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from skytf.cli.text import safe

GOOD, FAIR, BAD = "green", "yellow", "red"


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return *rows* under *headings*; strings are made safe, a `Text` is taken as it is."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe(cell)) if isinstance(cell, str) else cell for cell in row))
    return table


def styled(text: str, style: str) -> Text:
    """Return *text*, made safe, in *style*."""
    return Text(safe(text), style=style)
