"""
What the runs of a transfer have used, in its directory: ``usage.jsonl``, one line per run.

A run is written down before anything is created, so that one which was killed is known to be missing, and once more
when its fleet is gone. The file is written whole each time: it has as many lines as the transfer was resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from skytf.errors import InputError
from skytf.home import TransferDir
from skytf.model.span import Span
from skytf.model.usage import RunUsage

FILE = "usage.jsonl"
_DIGITS = 3


def runs(directory: TransferDir) -> tuple[RunUsage, ...]:
    """
    Return the runs of a transfer, the first one first; none where it has written none down.

    Raises:
        InputError: The file is broken.
    """
    path = directory.root / FILE
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
        return tuple(msgspec.json.decode(line, type=RunUsage) for line in lines)
    except (OSError, ValueError) as error:
        raise InputError(
            f"what transfer {directory.transfer_id} has used so far cannot be read: {error}",
            hint=f"remove {path}; its report then counts from here",
        ) from error


def begin(directory: TransferDir, now_s: float, *, resumed: bool) -> None:
    """
    Write down that a run begins at *now_s*, Unix time.

    A transfer that is *resumed* had a run before; of an older skytf nothing is written down, so it counts as unknown.
    """
    before = runs(directory)
    if resumed and not before:
        before = (RunUsage(directory.started_s),)
    _write(directory, (*before, RunUsage(now_s)))


def end(directory: TransferDir, run: RunUsage) -> tuple[RunUsage, ...]:
    """Write down what the run that began last has used, and return all runs."""
    every = (*runs(directory)[:-1], run)
    _write(directory, every)
    return every


def fleet_is_gone(directory: TransferDir, now_s: float) -> tuple[RunUsage, ...]:
    """
    Write down that nothing is left of earlier fleets at *now_s*, Unix time, and return all runs.

    Nobody knows when exactly each fleet ended whose removal nobody saw: not later than now.
    """
    every = tuple(
        _ended_by(run, Span(run.fleet_s.low, None, round(max(now_s - run.began_s, run.fleet_s.low), _DIGITS)))
        if run.fleet_s.high is None
        else run
        for run in runs(directory)
    )
    if every:
        _write(directory, every)
    return every


def _ended_by(run: RunUsage, fleet_s: Span) -> RunUsage:
    fleet = tuple(replace(site, seconds=fleet_s) for site in run.usage.fleet)
    return replace(run, fleet_s=fleet_s, usage=replace(run.usage, fleet=fleet))


def _write(directory: TransferDir, every: Sequence[RunUsage]) -> None:
    directory.write(FILE, b"".join(msgspec.json.encode(run, order="sorted") + b"\n" for run in every))
