"""`make bench`: how fast the gateways are, what a fleet costs around them, and how long the command line takes."""

from __future__ import annotations

from pathlib import Path

from benchmarks import control_plane, data_plane
from benchmarks.rows import machine, table, write

RUNS = 5
RESULT = Path("build/bench.json")


def main() -> None:
    """Measure, print a table, write it as JSON."""
    print(machine(), flush=True)
    rows = [*data_plane.rows(RUNS), *control_plane.rows(RUNS)]
    write(RESULT, rows)
    print(table(rows, data_plane.GOALS | control_plane.GOALS))


if __name__ == "__main__":
    main()
