"""The processes of a transfer's fleet, to kill them, and hooks that do it at the right moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from skytf import Hooks, Options
from skytf.hooks import Progress
from skytf.model.job import LinkShape
from skytf.model.region import Region
from tests.e2e.trees import SMALL


def slow(options: Options = SMALL, *, mbps: float, source: str = "local:a", target: str = "local:b") -> Options:
    """Return *options* with each link of two sites shaped: the transfer then has a middle to strike in."""
    return replace(options, shapes=(LinkShape(Region.parse(source), Region.parse(target), link_mbps=mbps),))


def gateways(home: Path, word: str) -> dict[str, int]:
    """Return gateway id → pid of the processes of VMs of *home* with *word* in their command line."""
    found = {}
    for process in psutil.process_iter():
        try:
            environment, command = process.environ(), process.cmdline()
        except (psutil.Error, OSError):
            continue
        if environment.get("SKYTF_LOCAL_ROOT") == str(home / "local") and any(word in part for part in command):
            found[environment.get("SKYTF_VM_ID", "/").partition("/")[2]] = process.pid
    return found


def daemons(home: Path) -> dict[str, int]:
    """Return gateway id → pid of the running gateways of *home*."""
    return gateways(home, "launcher.py")


def ssh_servers(home: Path) -> dict[str, int]:
    """Return gateway id → pid of the running VMs of *home*."""
    return gateways(home, "serve")


def busy_source(home: Path) -> str:
    """Return the source gateway that holds a shard: a small tree is one shard, so the other has nothing to lose."""
    (found,) = {
        path.relative_to(home / "local" / "vms").parts[1]
        for path in (home / "local" / "vms").glob("*/local-a-*/**/journal.jsonl")
        if path.stat().st_size
    }
    return found


def kill_9(pids: dict[str, int], *names: str) -> None:
    """Kill the processes of *names* with no chance to tidy up."""
    for name in names:
        os.kill(pids[name], signal.SIGKILL)


class Midway(Hooks):
    """Calls *strike* once, when some objects are there and some are not."""

    def __init__(self, strike: Callable[[], object], *, objects: int = 1) -> None:
        self._strike = strike
        self._objects = objects
        self.struck = False

    def on_progress(self, progress: Progress) -> None:
        (one,) = progress.destinations
        if not self.struck and self._objects <= one.objects_done < one.objects_total:
            self.struck = True
            self._strike()
