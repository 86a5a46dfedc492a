"""`skytf resume`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from skytf.cli.copies import applying_of
from skytf.cli.options import applying, common
from skytf.cli.session import Session
from skytf.cli.transfer import run


@click.command("resume")
@click.argument("transfer_id", metavar="[ID]", required=False)
@applying
@common
@click.pass_context
def command(ctx: click.Context, /, transfer_id: str | None, **given: Any) -> None:
    """
    Go on with an unfinished transfer.

    Without ID the latest one. Moves only what is missing, then verifies and destroys. Nothing unfinished is no error.
    Options that are not given stay as they were.
    """
    session = ctx.ensure_object(Session)
    client = session.client()
    changing = applying_of(given)
    ctx.exit(run(session, client, lambda approve: client.resume(transfer_id, approve=approve, changing=changing)))
