"""`make bench`: what a fleet costs before and after the bytes move, and how long the command line takes to answer."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from skytf import Client, Copy, Options, Target

RUNS = 5
RESULT = Path("build/bench.json")
# The goals of the first release: a number is a bound in seconds on a machine with two cores. Warm: the trees lie on the
# hosts, as on an image. New home: they are sent and unpacked first. Cold: they are built from the package index before.
GOALS = {"help": 0.3, "fleet-warm": 6.0}
PHASES = ("applying", "deploying", "destroying")


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds *work* takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def help_s() -> float:
    """Return the time of ``skytf --help`` as a whole process."""
    command = [sys.executable, "-m", "skytf", "--help"]
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def bare_python_s() -> float:
    """Return the time of a Python that does nothing: what no command line can be faster than."""
    return timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))


def fleet_s(home: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds of each phase of a local fleet of four that moves one small file."""
    source = scratch / "in" / "file"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"x")
    copy = Copy(Target(str(source.parent)), (Target(str(scratch / "out")),), recursive=True)
    report = Client(home=home).copy([copy], Options(instances=2))
    assert report is not None
    return report.phase_s


def main() -> None:
    """Measure, print a table, write it as JSON."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        os.environ["SKYTF_CACHE"] = str(scratch / "cache")
        cold = fleet_s(scratch / "home-cold", scratch)
        home = scratch / "home"
        unpacked = fleet_s(home, scratch)
        warm = [fleet_s(home, scratch) for _ in range(RUNS)]
    bare = statistics.median(bare_python_s() for _ in range(RUNS))
    answers = statistics.median(help_s() for _ in range(RUNS))
    rows = [
        row("help", answers, reference=bare),
        row("fleet-warm", statistics.median(sum(one[phase] for phase in PHASES) for one in warm), reference=None),
        *(
            row(f"fleet-warm-{phase}", statistics.median(one[phase] for one in warm), reference=None)
            for phase in PHASES
        ),
        row("fleet-new-home", sum(unpacked[phase] for phase in PHASES), reference=None),
        row("fleet-cold", sum(cold[phase] for phase in PHASES), reference=None),
    ]
    print(f"{'what':<24}{'seconds':>10}{'goal':>8}{'x bare python':>16}")
    for one in rows:
        goal = GOALS.get(str(one["name"]))
        ratio = one["ratio"]
        print(f"{one['name']:<24}{one['value']:>10.2f}{goal or '':>8}{f'{ratio:.1f}' if ratio else '':>16}")
    RESULT.parent.mkdir(exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    RESULT.write_text(json.dumps({"commit": commit, "machine": machine, "rows": rows}, indent=2) + "\n")


def row(name: str, value: float, *, reference: float | None) -> dict[str, object]:
    """Return one row of ``bench.json``; *reference* is what *value* is compared with, in the same unit."""
    ratio = round(value / reference, 3) if reference else None
    return {"name": name, "value": round(value, 3), "unit": "s", "reference": reference, "ratio": ratio}


if __name__ == "__main__":
    main()
