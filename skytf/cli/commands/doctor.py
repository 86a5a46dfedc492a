"""`skytf doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Group, RenderableType
from rich.text import Text

from skytf.cli.options import common
from skytf.cli.session import Session
from skytf.cli.tables import BAD, FAIR, GOOD
from skytf.cli.text import safe

if TYPE_CHECKING:
    from skytf.doctor import Check

_MARKS = {"ok": ("✓", GOOD), "warn": ("!", FAIR), "fail": ("✗", BAD)}


@click.command("doctor")
@click.argument("regions", metavar="[REGION...]", nargs=-1)
@common
@click.pass_context
def command(ctx: click.Context, /, regions: tuple[str, ...]) -> None:
    """
    Look at what skytf needs on this machine and in the clouds.

    With a REGION (aws:us-east-1) its cloud must be ready: credentials, permissions, provider, network, and the quota
    there. Without one, what a cloud lacks is a warning. Exits with 1 where something is missing.
    """
    session = ctx.ensure_object(Session)
    checks = session.client().doctor(regions)
    session.show("check", checks, _list)
    ctx.exit(1 if any(check.state == "fail" for check in checks) else 0)


def _list(checks: Sequence[Check]) -> RenderableType:
    return Group(*(line for check in checks for line in _lines(check)))


def _lines(check: Check) -> list[Text]:
    mark, style = _MARKS.get(check.state, ("?", FAIR))
    found = Text.assemble((f"{mark} ", style), (safe(check.name), "bold"), f"  {safe(check.text)}")
    return [found, Text.assemble(("  Next: ", "bold"), safe(check.hint))] if check.hint else [found]
