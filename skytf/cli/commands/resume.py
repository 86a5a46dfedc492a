"""`skytf resume`."""

from __future__ import annotations

import rich_click as click

from skytf.cli.options import common
from skytf.cli.session import Session
from skytf.cli.transfer import run


@click.command("resume")
@click.argument("transfer_id", metavar="[ID]", required=False)
@common
@click.pass_context
def command(ctx: click.Context, /, transfer_id: str | None) -> None:
    """
    Go on with an unfinished transfer.

    Without ID the latest one. Moves only what is missing, then verifies and destroys. Nothing unfinished is no error.
    """
    session = ctx.ensure_object(Session)
    client = session.client()
    ctx.exit(run(session, client, lambda approve: client.resume(transfer_id, approve=approve)))
