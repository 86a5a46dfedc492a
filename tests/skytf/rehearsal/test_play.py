"""What is noticed while bytes move."""

from __future__ import annotations

import pytest

from skytf.hooks import DestinationProgress, Hooks, Progress
from skytf.rehearsal.play import Watching


class Heard(Hooks):
    def __init__(self) -> None:
        self.said: list[object] = []

    def on_phase(self, phase: str, text: str) -> None:
        self.said.append(phase)

    def on_progress(self, progress: Progress) -> None:
        self.said.append(progress.elapsed_s)


def progress(elapsed_s: float, *done: int, total: int = 1000) -> Progress:
    return Progress(tuple(DestinationProgress("j", "u", 0, 0, one, total, 0) for one in done), elapsed_s)


def test_everything_is_passed_on() -> None:
    heard = Heard()
    watching = Watching(heard)

    for phase in ("deploying", "transferring"):
        watching.on_phase(phase, "")
    watching.on_progress(progress(1.0, 5, 5))
    watching.on_phase("verifying", "")

    assert heard.said == ["deploying", "transferring", 1.0, "verifying"]


def test_the_pace_is_that_of_full_links() -> None:
    watching = Watching(Hooks())

    # Nothing for ten seconds, then a hundredth each second, and the last tenth takes a minute.
    for step in range(91):
        watching.on_progress(progress(10.0 + step, step * 10, step * 10))
    watching.on_progress(progress(160.0, 1000, 1000))

    assert watching.steady_bytes_per_s == pytest.approx(20.0)


@pytest.mark.parametrize("steps", [(), (0, 50, 100), (100,)])
def test_a_few_looks_make_no_pace(steps: tuple[int, ...]) -> None:
    watching = Watching(Hooks())

    for step in steps:
        watching.on_progress(progress(float(step), step * 10))

    assert watching.steady_bytes_per_s is None


def test_of_nothing_there_is_no_pace() -> None:
    watching = Watching(Hooks())

    watching.on_progress(progress(1.0, 0, total=0))

    assert watching.steady_bytes_per_s is None


def test_how_busy_the_machine_is_counts_only_while_bytes_move(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = iter([(100.0, 200.0), (101.0, 220.0)])
    monkeypatch.setattr("skytf.rehearsal.play._clocks", lambda: next(clocks))
    watching = Watching(Hooks())

    for phase in ("applying", "deploying", "transferring", "verifying", "destroying", "done"):
        watching.on_phase(phase, "")

    assert watching.busy == pytest.approx(0.95)
