"""What a fleet costs before and after the bytes move, and how long the command line takes to answer."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.rows import Goal, Row
from skytf import Client, Copy, Options, Target

# A bound in seconds on a machine with two cores. Warm: the trees lie on the hosts, as on an image. New home: they are
# sent and unpacked first. Cold: they are built from the package index before.
GOALS = {"help": Goal(0.3, at_least=False), "fleet-warm": Goal(6.0, at_least=False)}
PHASES = ("applying", "deploying", "destroying")


def rows(runs: int) -> list[Row]:
    """Measure each thing *runs* times and return the medians."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        os.environ["SKYTF_CACHE"] = str(scratch / "cache")
        cold = fleet_s(scratch / "home-cold", scratch)
        home = scratch / "home"
        unpacked = fleet_s(home, scratch)
        warm = [fleet_s(home, scratch) for _ in range(runs)]
    return [
        Row.of("help", statistics.median(help_s() for _ in range(runs)), "s", bare_python_s(runs)),
        Row.of("fleet-warm", statistics.median(sum(one[phase] for phase in PHASES) for one in warm), "s"),
        *(Row.of(f"fleet-warm-{phase}", statistics.median(one[phase] for one in warm), "s") for phase in PHASES),
        Row.of("fleet-new-home", sum(unpacked[phase] for phase in PHASES), "s"),
        Row.of("fleet-cold", sum(cold[phase] for phase in PHASES), "s"),
    ]


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds *work* takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def help_s() -> float:
    """Return the time of ``skytf --help`` as a whole process."""
    command = [sys.executable, "-m", "skytf", "--help"]
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def bare_python_s(runs: int) -> float:
    """Return the time of a Python that does nothing: what nothing written in it can be faster than."""
    return statistics.median(
        timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(runs)
    )


def fleet_s(home: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds of each phase of a local fleet of four that moves one small file."""
    source = scratch / "in" / "file"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"x")
    copy = Copy(Target(str(source.parent)), (Target(str(scratch / "out")),), recursive=True)
    report = Client(home=home).copy([copy], Options(instances=2))
    assert report is not None
    return report.phase_s
