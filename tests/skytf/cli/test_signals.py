from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a transfer that blocks until it is interrupted, and wait until it does."""
    processes = []

    def begin(*options: str, before: tuple[str, ...] = (), **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "tests.skytf.cli.fake", "cp", "a", "b", "--yes", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"FAKE_BLOCKS": "1"} | env,
        )
        processes.append(process)
        assert process.stdout is not None
        while process.stdout.readline() not in {"BLOCKED\n", ""}:
            pass
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, f"the process ended without saying {words!r}"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)],
    ids=str,
)
def test_the_first_signal_stops_in_order_and_says_so(start: Start, number: int, code: int) -> None:
    process = start()

    process.send_signal(number)
    _, said = process.communicate(timeout=20)

    assert process.returncode == code
    assert "Stopping: the transfer ends and the fleet is destroyed; press Ctrl-C again to leave it behind" in said
    assert "Error: stopped\nNext: skytf resume goes on\n" in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_the_second_signal_leaves_at_once_and_says_what_leaks(start: Start, number: int, code: int) -> None:
    process = start("--home", "/my home", FAKE_DEAF="1")

    process.send_signal(signal.SIGINT)
    read_until(process, "Stopping")
    process.send_signal(number)
    _, said = process.communicate(timeout=20)

    assert process.returncode == code
    assert "may still be there" in said
    assert "skytf reap --home '/my home'" in said
    assert "skytf resume" in said


def test_the_second_signal_in_json_is_an_error_line(start: Start) -> None:
    process = start("--json", FAKE_DEAF="1")
    assert process.stdout is not None

    process.send_signal(signal.SIGINT)
    warning = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)

    error = json.loads(out)
    assert warning["kind"] == "warning"
    assert (error["kind"], error["exit_code"]) == ("error", 130)
    assert said == ""


def test_before_anything_was_created_it_says_so(start: Start) -> None:
    process = start(FAKE_PLAN_BLOCKS="1", FAKE_DEAF="1")

    process.send_signal(signal.SIGINT)
    read_until(process, "Stopping: nothing was created yet")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "left at once, before anything was created" in said


def test_a_hang_up_that_nohup_ignores_stops_nothing(start: Start) -> None:
    process = start(before=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))

    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 143
    assert "may still be there" not in said
