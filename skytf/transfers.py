"""The transfers of a home, as their files describe them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from skytf import bundle as bundles
from skytf.errors import InputError, Refused
from skytf.home import TransferDir, client_alive
from skytf.model import codec
from skytf.model.copy import ApplyOptions, Copy, Options
from skytf.model.job import Job
from skytf.report import Report
from skytf.resolve import ends
from skytf.transfer import BUNDLE_DIR, REPORT_FILE


@dataclass(frozen=True, slots=True)
class TransferInfo:
    """One transfer of this home: where it stands. ``alive`` says that a client works on it now."""

    transfer_id: str
    phase: str
    outcome: str
    alive: bool
    source: str
    destinations: tuple[str, ...]
    directory: str


@dataclass(frozen=True, slots=True)
class Asked:
    """``request.json``: what a transfer is for, written before anything is looked at; a bundle beside it wins."""

    copies: tuple[Copy, ...] = ()
    options: Options = field(default_factory=Options)
    cwd: str = ""
    approved: bool = True
    applying: ApplyOptions = field(default_factory=ApplyOptions)

    @classmethod
    def read(cls, directory: TransferDir) -> Asked:
        """Return what the transfer of *directory* is for."""
        return codec.decode(directory.request.read_bytes(), cls)


def describe(directory: TransferDir) -> TransferInfo | None:
    """Return where the transfer of *directory* stands; None where it cannot be read."""
    try:
        status = directory.status()
        jobs = _jobs(directory)
    except (InputError, Refused, OSError, ValueError):
        return None
    return TransferInfo(
        transfer_id=directory.transfer_id,
        phase=status.phase,
        outcome=status.outcome,
        alive=not status.outcome and client_alive(status),
        source=", ".join(job.source.url for job in jobs),
        destinations=tuple(one.url for job in jobs for one in job.destinations),
        directory=str(directory.root),
    )


def report_of(directory: TransferDir) -> Report:
    """
    Return the report of the transfer of *directory*; one that is being resumed has that of its last run.

    Raises:
        InputError: It has none, because it runs or was killed; or it cannot be read.
    """
    transfer_id, path = directory.transfer_id, directory.root / REPORT_FILE
    status = directory.status()
    alive = not status.outcome and client_alive(status)
    now = f"it is {status.phase} now" if alive else f"its client was lost while it was {status.phase}"
    hint = "wait for it, or look at skytf transfers" if alive else f"skytf resume {transfer_id}"
    try:
        report = codec.decode(path.read_bytes(), Report)
    except FileNotFoundError as error:
        raise InputError(f"transfer {transfer_id} has no report yet: {now}", hint=hint) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}", hint="another version of skytf may have written it"
        ) from error
    if status.outcome:
        return report
    return replace(report, warnings=(*report.warnings, f"this is the report of an earlier run; {now} (next: {hint})"))


def _jobs(directory: TransferDir) -> tuple[Job, ...]:
    if (directory.root / BUNDLE_DIR).exists():
        return bundles.read(directory.root / BUNDLE_DIR).manifest.request.jobs
    asked = Asked.read(directory)
    return ends(asked.copies, cwd=Path(asked.cwd))
