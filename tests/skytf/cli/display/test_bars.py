from __future__ import annotations

import io

import pytest
from rich.console import Console

from skytf.cli.display.bars import Bars
from skytf.hooks import DestinationProgress, Progress


def drawn(bars: Bars, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=True, color_system=None).print(bars)
    return stream.getvalue().splitlines()


def at(seconds: float, done: int, *, url: str = "s3://b/x", failed: int = 0) -> Progress:
    return Progress((DestinationProgress("job-0", url, done, 100, done << 20, 100 << 20, failed),), seconds)


def test_a_wide_terminal_shows_everything_in_one_line() -> None:
    bars = Bars()
    bars.update(at(0.0, 0))
    bars.update(at(5.0, 50, failed=2))

    (line,) = drawn(bars, 140)

    for words in ("s3://b/x", "50%", "50.0 MiB of 100.0 MiB", "50/100 objects, 2 failed", "83.9 Mbit/s", "5.0 s left"):
        assert words in line


@pytest.mark.parametrize("width", [20, 40, 80, 109, 110, 300])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    bars = Bars()
    bars.update(at(1.0, 50, url="s3://bucket/" + "long/" * 40))

    assert all(len(line) <= width for line in drawn(bars, width))


def test_empty_objects_count_by_number() -> None:
    bars = Bars()
    bars.update(Progress((DestinationProgress("job-0", "s3://b", 3, 4, 0, 0, 0),), 1.0))

    assert "75%" in "".join(drawn(bars, 120))


def test_nothing_to_move_is_all_done() -> None:
    bars = Bars()
    bars.update(Progress((DestinationProgress("job-0", "s3://b", 0, 0, 0, 0, 0),), 1.0))

    assert "100%" in "".join(drawn(bars, 120))


def test_many_destinations_leave_room_on_the_screen() -> None:
    bars = Bars()
    bars.update(Progress(tuple(DestinationProgress("j", f"s3://{n}", 0, 1, 0, 1, 0) for n in range(40)), 1.0))

    lines = drawn(bars, 140)

    assert len(lines) == 13
    assert lines[-1].strip() == "and 28 more destinations"
