"""`skytf cp`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from skytf.cli.copies import applying_of, copy_of, options_of
from skytf.cli.options import applying, catalogs, common, option, shaping
from skytf.cli.session import Session
from skytf.cli.transfer import plan_and_apply
from skytf.model.copy import ApplyOptions


@click.command("cp")
@click.argument("source", metavar="SRC")
@click.argument("destinations", metavar="DST...", nargs=-1, required=True)
@option("--dry-run", is_flag=True, help="Plan and show, create nothing.", panel="Plan")
@shaping
@catalogs
@applying
@common
@click.pass_context
def command(ctx: click.Context, /, source: str, destinations: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """
    Copy objects: plan, ask, create the fleet, move, verify, destroy.

    SRC and DST are paths or URLs such as s3://bucket/prefix. With several DST, each gets everything.
    """
    session = ctx.ensure_object(Session)
    copies = [copy_of(source, destinations, given)]
    ctx.exit(plan_and_apply(session, copies, options_of(given), ApplyOptions(**applying_of(given)), dry_run=dry_run))
