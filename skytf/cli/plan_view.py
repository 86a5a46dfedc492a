"""A plan, as a reviewer reads it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.table import Table

from skytf.bundle import MANIFEST, PLAN_HTML, PLAN_MD, TOPOLOGY, Bundle
from skytf.cli.session import Session
from skytf.cli.text import safe, safe_lines

_WIDTH = 100
_GRAPH = "mermaid"


class _LeftHeading(Heading):
    """A heading where the text begins; rich would put the first one into the middle."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Block(CodeBlock):
    """A block of code; not a graph, which a terminal cannot draw: the table below it says the same."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.lexer_name != _GRAPH:
            yield from super().__rich_console__(console, options)


class _Table(TableElement):
    """A table whose cells are never cut: a reviewer must see the whole of a name."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in super().__rich_console__(console, options):
            if isinstance(part, Table):
                for column in part.columns:
                    column.overflow = "fold"
            yield part


class _Reading(Markdown):
    """Markdown as a page to read on a terminal."""

    elements = {  # noqa: RUF012  # rich's attribute
        **Markdown.elements,
        "heading_open": _LeftHeading,
        "fence": _Block,
        "table_open": _Table,
    }


def show_plan(session: Session, bundle: Bundle, directory: Path | None = None) -> None:
    """Show PLAN.md of *bundle*; *directory* is where the bundle was written, None where it was not."""
    text = bundle.files.get(PLAN_MD, b"").decode(errors="replace")  # somebody may have edited it
    if session.json:
        fields = {
            "directory": directory and str(directory),
            "digest": bundle.digest,
            "text": text,
            "transfer": json.loads(bundle.files[MANIFEST]),
            "topology": json.loads(bundle.files[TOPOLOGY]),
        }
        session.lines.write("plan", fields)
        return
    if session.results.is_terminal:
        session.results.print(_Reading(safe_lines(text)), width=min(session.results.width, _WIDTH))
        session.results.print()
    else:
        session.results.print(safe_lines(text))
    if directory is not None:
        page = f"\nPage: {safe(str(directory / PLAN_HTML))}" if PLAN_HTML in bundle.files else ""
        session.results.print(f"Bundle: {safe(str(directory))}{page}\nNext: {_next(bundle, directory)}")


def _next(bundle: Bundle, directory: Path) -> str:
    if bundle.plan_json is None:
        return "plan again without --offline, to have a bundle that can be applied"
    return f"skytf apply-transfer {safe(shlex.quote(str(directory)))}"
