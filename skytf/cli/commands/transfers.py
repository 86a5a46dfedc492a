"""`skytf transfers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import RenderableType
from rich.text import Text

from skytf.cli.options import common
from skytf.cli.session import Session
from skytf.cli.tables import BAD, FAIR, GOOD, plain_table, styled

if TYPE_CHECKING:
    from skytf.transfers import TransferInfo

_STYLES = {"done": GOOD, "incomplete": FAIR, "failed": BAD, "interrupted": FAIR}


@click.command("transfers")
@common
@click.pass_obj
def command(session: Session, /) -> None:
    """List the transfers of this home."""
    session.show("transfer", session.client().transfers(), _table)


def _table(transfers: Sequence[TransferInfo]) -> RenderableType:
    if not transfers:
        return "No transfers yet."
    return plain_table(
        ("ID", "STATE", "SOURCE", "DESTINATIONS"),
        ((one.transfer_id, _state(one), one.source, ", ".join(one.destinations)) for one in transfers),
    )


def _state(one: TransferInfo) -> Text:
    if one.alive:
        return styled(f"running: {one.phase}", FAIR)
    if one.outcome:
        return styled(one.outcome, _STYLES.get(one.outcome, ""))
    return styled(f"unfinished: {one.phase}", BAD)
