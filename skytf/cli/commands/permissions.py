"""`skytf permissions`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from skytf.cli.options import common, option
from skytf.cli.session import Session


@click.command("permissions")
@click.argument("cloud", metavar="CLOUD")
@option(
    "--phase",
    "phases",
    multiple=True,
    type=click.Choice(["plan", "apply", "destroy"]),
    help="For this alone; can be given again.  [default: all three, doctor and reap]",
)
@option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For this bundle alone, not for whatever skytf may do.",
)
@common
@click.pass_obj
def command(session: Session, /, cloud: str, phases: tuple[str, ...], bundle: Path | None) -> None:
    """
    Print what your credentials must be allowed, as a policy document.

    CLOUD is aws, gcp, azure or ibm. The document goes to standard output, what to do with it to standard error.
    """
    found = session.client().permissions(cloud, phases, bundle=bundle)
    if session.json:
        session.lines.write("permissions", found)
        return
    session.results.print(found.document, soft_wrap=True)
    session.messages.print(f"This is {found.use}")
