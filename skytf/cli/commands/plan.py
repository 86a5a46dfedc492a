"""`skytf plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from skytf.cli.copies import copy_of, options_of
from skytf.cli.options import catalogs, common, offline, option, policies, shaping
from skytf.cli.plan_view import show_plan
from skytf.cli.session import Session
from skytf.cli.transfer import Gate, plan

_CHANGES = 2


@click.command("plan")
@click.argument("source", metavar="SRC")
@click.argument("destinations", metavar="DST...", nargs=-1, required=True)
@option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the bundle into this directory; skytf apply-transfer takes it.",
    panel="Plan",
)
@option("--dry-run", is_flag=True, help="Show the plan only, write nothing even with --out.", panel="Plan")
@option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="OLD",
    help="Say what became different since this bundle, in the plan too; it may be the one in --out.",
    panel="Plan",
)
@option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 where something is to be created or differs from --against, 0 where not, 1 after an error.",
    panel="Plan",
)
@policies
@offline
@shaping
@catalogs
@common
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    destinations: tuple[str, ...],
    *,
    out: Path | None,
    dry_run: bool,
    against: Path | None,
    detailed_exitcode: bool,
    **given: Any,
) -> None:
    """
    Show what a transfer would create; with --out write it down as a bundle.

    Creates nothing: the sources are listed, a fleet is chosen, and Terraform says what it would do. With --offline
    nobody is asked, and Terraform only checks what it would be given. With --policy a plan that breaks a rule is shown
    and written all the same, for who reviews it, and the exit code is 8.
    """
    session = ctx.ensure_object(Session)
    directory = None if dry_run else out
    gate = Gate(session, given["policies"])
    copies = [copy_of(source, destinations, given)]
    bundle = plan(session, session.client(), copies, options_of(given), out=directory, against=against)
    show_plan(session, bundle, directory)
    gate.check(bundle)
    if detailed_exitcode:
        found = bundle.manifest.against
        # A transfer always makes a fleet: only next to another bundle there may be nothing to look at.
        ctx.exit(_CHANGES if found is None or found.changes else 0)
