"""`skytf reap`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Group, RenderableType
from rich.text import Text

from skytf.cli.options import common, option
from skytf.cli.session import Session
from skytf.cli.tables import FAIR, GOOD, plain_table, styled
from skytf.cli.text import safe

if TYPE_CHECKING:
    from skytf.reap import Reaped, Reaping, Unsearched

_QUESTION = "Remove these fleets?"
_NOT_ALL = "Nothing to reap where these credentials could look."


@click.command("reap")
@option("--dry-run", is_flag=True, help="Show what would be removed.", panel="Reap")
@option("--all-owners", is_flag=True, help="Fleets of others too; asks first.", panel="Reap")
@option("--force", is_flag=True, help="Fleets whose client is alive too; asks first.", panel="Reap")
@common
@click.pass_context
def command(ctx: click.Context, /, dry_run: bool, all_owners: bool, force: bool) -> None:
    """
    Remove fleets that a lost client left behind.

    They are found by their tags, no state is needed. Without options only one's own are removed, and of those only
    what has expired or has lost its client. Every cloud is searched; one without credentials is named.
    """
    session = ctx.ensure_object(Session)
    client = session.client()
    risky = (all_owners or force) and not dry_run and not session.yes
    if risky:
        session.require_answer(_QUESTION)
        _show(session, client.reap(dry_run=True, all_owners=all_owners, force=force), _found)
        if not session.ask(_QUESTION):
            session.note("Nothing was removed.")
            ctx.exit(1)
    render = _found if dry_run else _reaped
    _show(session, client.reap(dry_run=dry_run, all_owners=all_owners, force=force), render)


def _show(session: Session, reaping: Reaping, render: Callable[[Sequence[Reaped]], RenderableType]) -> None:
    if reaping.unsearched and not (reaping.fleets or session.json):
        session.note(_NOT_ALL)
    else:
        session.show("fleet", reaping.fleets, render)
    if reaping.unsearched:
        session.show("unsearched", reaping.unsearched, _unsearched)


def _found(fleets: Sequence[Reaped]) -> RenderableType:
    return _table(fleets, lambda one: Text(safe(one.reason)))


def _reaped(fleets: Sequence[Reaped]) -> RenderableType:
    return _table(fleets, _result)


def _table(fleets: Sequence[Reaped], last: Callable[[Reaped], Text]) -> RenderableType:
    if not fleets:
        return "Nothing to reap."
    return plain_table(
        ("TRANSFER", "CLOUD", "OWNER", "GATEWAYS", "EXPIRES", "WHY"),
        ((one.transfer_id, one.cloud, one.owner, str(one.gateways), one.expires, last(one)) for one in fleets),
    )


def _unsearched(clouds: Sequence[Unsearched]) -> RenderableType:
    lines = (
        Text.assemble(("not searched: ", FAIR), (one.cloud, "bold"), f"  {safe(one.reason)}\n  Next: {safe(one.hint)}")
        for one in clouds
    )
    return Group(*lines)


def _result(one: Reaped) -> Text:
    verb, style = ("removed", GOOD) if one.removed else ("left alone", FAIR)
    return styled(f"{verb}: {one.reason}" if one.reason else verb, style)
