"""Ctrl-C and SIGTERM in every phase: stopped in order, and nothing is left."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.leftovers import left_of, processes_of
from tests.e2e.trees import contents, plant

BEFORE = ("surveying", "planning")
PHASES = (*BEFORE, "applying", "creating", "deploying", "transferring", "destroying", "removing")
# One phase for each signal; the others run with the slow tests.
QUICK = {("transferring", signal.SIGINT), ("creating", signal.SIGTERM)}
CASES = [
    pytest.param(phase, number, code, marks=[] if (phase, number) in QUICK else [pytest.mark.slow])
    for phase in PHASES
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143))
]


@pytest.mark.parametrize(("phase", "number", "code"), CASES)
def test_a_signal_stops_in_order(home: Path, tmp_path: Path, phase: str, number: signal.Signals, code: int) -> None:
    files = plant(tmp_path / "in", small=30)

    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out")) as command:
        command.until_phase(phase)
        command.signal(number)
        ended = command.end()

    error = command.last("error")
    assert (ended, error["type"], error["exit_code"]) == (code, "Interrupted", code)
    assert command.last("warning")["text"].startswith("Stopping: ")
    arrived = contents(tmp_path / "out")
    assert arrived == {name: files[name] for name in arrived}
    if phase in ("destroying", "removing"):
        assert "complete" in error["error"]
        assert arrived == files
    elif phase in BEFORE:
        assert "before anything was created" in error["error"]
    else:
        assert error["hint"].startswith("skytf resume ")
        assert len(arrived) < len(files)


@pytest.mark.slow
def test_a_second_signal_leaves_at_once_and_reap_removes_the_rest(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=30)

    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out")) as command:
        command.until_phase("transferring")
        command.signal(signal.SIGINT)
        command.until(lambda line: line.get("phase") == "destroying")
        command.signal(signal.SIGINT)
        ended = command.end()

    error = command.last("error")
    assert ended == 130
    assert "may still be there" in error["error"]
    assert "skytf reap" in error["hint"]
    assert "skytf resume" in error["hint"]

    reaped = run(home, "reap")

    assert reaped.process.returncode == 0
    assert processes_of(home) == left_of(home) == []
