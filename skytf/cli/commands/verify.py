"""`skytf verify`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.console import Group, RenderableType
from rich.text import Text

from gateway.units import format_bytes
from skytf.cli.copies import copy_of
from skytf.cli.options import common, ends
from skytf.cli.session import Session
from skytf.cli.tables import BAD, GOOD
from skytf.cli.text import count, safe

if TYPE_CHECKING:
    from skytf.comparison import Comparison

_DIFFERENT = 6


@click.command("verify")
@click.argument("source", metavar="SRC")
@click.argument("destinations", metavar="DST...", nargs=-1, required=True)
@ends
@common
@click.pass_context
def command(ctx: click.Context, /, source: str, destinations: tuple[str, ...], **given: Any) -> None:
    """
    Read both ends and compare every object.

    Exits with 6 where an object is missing or different. Nothing is written, no gateway is created.
    """
    session = ctx.ensure_object(Session)
    client = session.client()
    with session.display:
        found = client.verify([copy_of(source, destinations, given)])
    session.show("comparison", found, _list)
    ctx.exit(_DIFFERENT if any(one.missing_count or one.different_count for one in found) else 0)


def _list(found: Sequence[Comparison]) -> RenderableType:
    return Group(*(line for one in found for line in _lines(one)))


def _lines(one: Comparison) -> list[Text]:
    compared = f"{count(one.objects, 'object')}, {format_bytes(one.bytes)}"
    if not one.missing_count and not one.different_count:
        return [Text.assemble(("✓ ", GOOD), (safe(one.destination), "cyan"), f"  {compared}, all the same")]
    wrong = f"{one.missing_count:,} missing, {one.different_count:,} different"
    lines = [Text.assemble(("✗ ", BAD), (safe(one.destination), "cyan"), f"  {compared}: ", (wrong, BAD))]
    lines += [Text(f"    missing    {safe(url)}") for url in one.missing]
    lines += [Text(f"    different  {safe(url)}") for url in one.different]
    return lines
