"""`skytf report`."""

from __future__ import annotations

import rich_click as click

from skytf.cli.options import common
from skytf.cli.report_view import report_view
from skytf.cli.session import Session


@click.command("report")
@click.argument("transfer_id", metavar="[ID]", required=False)
@common
@click.pass_obj
def command(session: Session, /, transfer_id: str | None) -> None:
    """
    Set what a transfer used and cost beside what was predicted.

    Without ID that of the latest transfer that has a report. What was measured lies outside where it is below the least
    or above the most that was predicted, of a transfer that was neither interrupted nor failed.
    """
    session.show("report", [session.client().report(transfer_id)], lambda reports: report_view(reports[0]))
