"""`make bench`: how fast the gateways are, what a fleet costs around them, and how long the command line takes."""

from __future__ import annotations

from pathlib import Path

from benchmarks import control_plane, data_plane, slope
from benchmarks.quota import NoQuotaError
from benchmarks.rows import Row, machine, table, write

RUNS = 5
RESULT = Path("build/bench.json")


def main() -> None:
    """Measure, print a table, write it as JSON."""
    print(machine(), flush=True)
    rows = [*data_plane.rows(RUNS), *slopes(), *control_plane.rows(RUNS)]
    write(RESULT, rows)
    print(table(rows, data_plane.GOALS | control_plane.GOALS))


def slopes() -> list[Row]:
    """Return how goodput grows with the gateways; none, with the reason on the screen, where it cannot be measured."""
    try:
        return slope.rows(RUNS, data_plane.CONGESTION)
    except NoQuotaError as error:
        print(f"slope-*: skipped: {error}", flush=True)
        return []


if __name__ == "__main__":
    main()
