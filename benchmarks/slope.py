"""How goodput grows with the number of gateways, each held to a share of a core so that one machine can show it."""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.fleet import Fleet, Load
from benchmarks.quota import quotas
from benchmarks.rows import Row
from gateway.program import Settings
from gateway.units import MIB

WIDTHS = (1, 2, 4)
# Sources and sinks of the widest fleet leave a fifth of the machine to the client and the kernel.
SHARE = 0.8
PER_SOURCE = 512 * MIB


def rows(runs: int, congestion: str) -> list[Row]:
    """
    Return GB/s for each of `WIDTHS`, compared with the first times the width.

    Raises:
        NoQuotaError: Control groups cannot be made here.
    """
    cores = SHARE * len(os.sched_getaffinity(0)) / (2 * WIDTHS[-1])
    found = {width: _goodput(width, cores, runs, congestion) for width in WIDTHS}
    one = found[WIDTHS[0]]
    return [
        Row.of(f"slope-{width}-gateways", value, "GB/s", one * width if width > 1 else None)
        for width, value in found.items()
    ]


def _goodput(width: int, cores: float, runs: int, congestion: str) -> float:
    load = Load(objects=2 * width, size_bytes=PER_SOURCE // 2)
    with tempfile.TemporaryDirectory() as directory:
        fleet = Fleet(Path(directory), Settings(congestion=congestion), width=width)
        names = [program.gateway for program in fleet.programs()]
        with quotas(names, cores) as fleet.prefixes, fleet:
            fleet.move(load)
            return statistics.median(load.total_bytes / fleet.move(load) / 1e9 for _ in range(runs))
