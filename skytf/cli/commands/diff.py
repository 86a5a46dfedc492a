"""`skytf diff`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from skytf.cli.difference_view import as_markdown, as_text
from skytf.cli.options import common, option
from skytf.cli.session import Session

DIFFERS = 2
_DIRECTORY = click.Path(path_type=Path)


@click.command("diff")
@click.argument("old", metavar="OLD", type=_DIRECTORY)
@click.argument("new", metavar="NEW", type=_DIRECTORY)
@option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    help="markdown is for a comment on a pull request.  [default: text]",
)
@common
@click.pass_context
def command(ctx: click.Context, /, old: Path, new: Path, form: str) -> None:
    """
    Say what became different between two bundles.

    From OLD to NEW: infrastructure, cost, throughput, permissions, exposure to the internet, and what is moved; a line
    for each change.

    Exits with 0 where they are the same, 1 after an error, 2 where they differ.
    """
    session = ctx.ensure_object(Session)
    found = session.client().diff(old, new)
    if session.json:
        for change in found.changes:
            session.lines.write("change", change)
        fields = {"old": str(old), "new": str(new), "changes": len(found.changes), "notes": list(found.notes)}
        session.lines.write("difference", fields)
    elif form == "markdown":
        session.results.print(as_markdown(found), end="", soft_wrap=True)
    else:
        session.results.print(as_text(found), soft_wrap=True)
    ctx.exit(DIFFERS if found.changes else 0)
