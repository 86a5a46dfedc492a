"""The lines of a benchmark's table, and ``build/bench.json``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """
    One number. ``reference`` is what *value* is compared with, in the same unit, and ``ratio`` their quotient.

    Units: ``GB/s`` (10⁹ bytes of objects per second), ``objects/s``, ``% core``, ``s``.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None

    @classmethod
    def of(cls, name: str, value: float, unit: str, reference: float | None = None) -> Row:
        """Return a row with its ratio, rounded to three digits after the point."""
        ratio = round(value / reference, 3) if reference else None
        return cls(name, round(value, 3), unit, None if reference is None else round(reference, 3), ratio)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row should reach: at least or at most *bound*, of its value or (*of_ratio*) of its ratio."""

    bound: float
    at_least: bool = True
    of_ratio: bool = False

    def told(self, row: Row) -> str:
        """Return the goal as it stands in the table, and whether *row* reaches it."""
        value = row.ratio if self.of_ratio else row.value
        reached = value is not None and (value >= self.bound if self.at_least else value < self.bound)
        sign = ("≥" if self.at_least else "<") + f" {self.bound:g}" + (" of it" if self.of_ratio else "")
        return f"{sign} {'✓' if reached else '✗'}"


def table(rows: Sequence[Row], goals: dict[str, Goal]) -> str:
    """Return *rows* as text, each with the goal of its name."""
    lines = [f"{'what':<26}{'value':>11} {'unit':<10}{'reference':>11}{'ratio':>8}  goal"]
    for row in rows:
        reference = "" if row.reference is None else f"{row.reference:.3f}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        goal = goals[row.name].told(row) if row.name in goals else ""
        lines.append(f"{row.name:<26}{row.value:>11.3f} {row.unit:<10}{reference:>11}{ratio:>8}  {goal}".rstrip())
    return "\n".join(lines)


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write *rows* to *path* as JSON, with the commit and the machine that they are of."""
    path.parent.mkdir(exist_ok=True)
    document = {"commit": _commit(), "machine": machine(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def machine() -> str:
    """Return what a reader must know of this machine to compare numbers."""
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{system}, {cores} cores{_cpu()}, Python {platform.python_version()}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f" of {names[0]}" if names else ""


def _commit() -> str:
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], check=False).returncode
    return f"{head}-dirty" if head and changed else head
