"""A `skytf` of its own process and session, followed by the JSON lines it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Command:
    """A running ``skytf --json``; ``lines`` holds what it has said so far."""

    def __init__(self, home: Path, process: subprocess.Popen[str]) -> None:
        self.home = home
        self.process = process
        self.lines: list[Line] = []

    def until(self, wanted: Callable[[Line], bool]) -> Line:
        """Read until a line that is *wanted* and return it."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"it ended before that: {self.lines[-3:]}")

    def until_phase(self, phase: str) -> None:
        """
        Read until *phase* has begun; of the transfer itself, until some objects are there and some are not.

        ``creating`` and ``removing`` are the middle of ``applying`` and ``destroying``: Terraform is at the VMs.
        """
        begins = {"creating": "applying", "removing": "destroying"}.get(phase, phase)
        self.until(lambda line: line.get("phase") == begins)
        if phase == "transferring":
            self.until(is_midway)
        elif phase != begins:
            self.until(lambda line: line.get("type") == "provision")

    @property
    def transfer_id(self) -> str:
        """The transfer that it works on, or did."""
        return next(
            path.parent.name
            for path in (self.home / "transfers").glob("*/status.json")
            if json.loads(path.read_bytes())["pid"] == self.process.pid
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self.process.send_signal(number)

    def kill_9(self) -> None:
        """Kill it with no chance to tidy up, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Read the rest and return the exit code."""
        out, _ = self.process.communicate(timeout=120)
        self.lines += [json.loads(text) for text in out.splitlines()]
        return self.process.returncode

    def last(self, kind: str) -> Line:
        """Return the last line of *kind*."""
        return next(line for line in reversed(self.lines) if line["kind"] == kind)


def is_midway(line: Line) -> bool:
    """Return whether *line* says that some objects have arrived and some have not."""
    if line["kind"] != "progress":
        return False
    (one,) = line["destinations"]
    return bool(0 < one["objects_done"] < one["objects_total"])


@contextmanager
def skytf(home: Path, *arguments: object, **environment: str) -> Iterator[Command]:
    """Start ``skytf ARGUMENTS --json`` with *home*; it does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "skytf", *map(str, arguments), "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"SKYTF_HOME": str(home)} | environment,
        start_new_session=True,
    )
    try:
        yield Command(home, process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def run(home: Path, *arguments: object, **environment: str) -> Command:
    """Run ``skytf ARGUMENTS --json`` to its end."""
    with skytf(home, *arguments, **environment) as command:
        command.end()
    return command


def slow_cp(source: Path, destination: Path, *, mbps: float = 40) -> tuple[object, ...]:
    """Return the arguments of a transfer that is long enough to be interrupted in its middle."""
    shape = f"local:a->local:b=link={mbps}"
    return ("cp", "-r", "-y", source, destination, "--chunk-size", "5MiB", "--threshold", "6MiB", "--shape", shape)
