from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skytf.errors import TerraformError
from skytf.runner import tee
from skytf.runner.process import Process

STUBBORN = """
import signal
count = 0
def note(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, note)
print("ready", flush=True)
while not count:
    signal.pause()
for _ in range(20000):
    print("still writing after the interrupt")
print("interrupts:", count)
"""


def test_who_gives_up_reading_does_not_block_what_still_writes(tmp_path: Path) -> None:
    process = Process(cwd=tmp_path, env=os.environ)

    def give_up(_line: str) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        process.follow([sys.executable, "-c", STUBBORN], log=tmp_path / "log", on_line=give_up, timeout_s=60)

    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 20_002
    assert lines[-1] == "interrupts: 1"


def test_an_interrupt_without_a_process_does_nothing_to_the_next(tmp_path: Path) -> None:
    process = Process(cwd=tmp_path, env=os.environ)
    process.interrupt()

    finished = process.capture(["sh", "-c", "echo out; echo err >&2; exit 7"], timeout_s=60)

    assert (finished.returncode, finished.stdout, finished.stderr) == (7, "out\n", "err\n")
    assert not finished.timed_out


def test_a_time_limit_ends_a_captured_command(tmp_path: Path) -> None:
    finished = Process(cwd=tmp_path, env=os.environ).capture(["sleep", "60"], timeout_s=0.1)

    assert finished.timed_out
    assert finished.returncode == -2


def test_a_program_that_is_not_there_leaves_nothing_running(tmp_path: Path) -> None:
    process = Process(cwd=tmp_path, env=os.environ)

    with pytest.raises(TerraformError, match="gone cannot be run"):
        process.follow([str(tmp_path / "gone")], log=tmp_path / "log", on_line=print, timeout_s=60)

    assert (tmp_path / "log").read_bytes() == b""


def test_a_log_on_a_full_disk_stops_neither_reader_nor_writer() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")

    copied = subprocess.run(
        [sys.executable, "-I", "-S", tee.__file__, "/dev/full"], input=b"x" * 200_000, capture_output=True, check=True
    )

    assert copied.stdout == b"x" * 200_000


def test_who_asked_to_stop_between_two_commands_stops_the_next(tmp_path: Path) -> None:
    process = Process(cwd=tmp_path, env=os.environ)
    process.interrupt()

    process.stop_wanted = lambda: True
    ended = process.capture(["sleep", "60"], timeout_s=30)

    assert ended.returncode == -2
    assert not ended.timed_out
