"""
A gateway whose clocks a test can set while it runs: ``python -m tests.lab.skewed start DIRECTORY``.

The clocks are those that Python asks for; what the kernel waits for (a timeout under way) takes its own time.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import time
from pathlib import Path

_FILE = "SKYTF_TESTS_SKEW"
_OFFSETS = struct.Struct("=dd")


class Skew:
    """How far the clocks of a gateway are off; *file* is made, and shared with the gateway."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(_OFFSETS.pack(0.0, 0.0))
        self._file = file
        self.launcher = ("-m", "tests.lab.skewed")
        self.env = {_FILE: str(file)}

    def jump(self, *, wall_s: float, since_boot_s: float) -> None:
        """Move the wall clock and the monotonic clock at once; each value counts from the true time."""
        with self._file.open("r+b") as shared:
            shared.write(_OFFSETS.pack(wall_s, since_boot_s))


def _skew(file: Path) -> None:
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), _OFFSETS.size, access=mmap.ACCESS_READ)
    wall, since_boot = time.time, time.monotonic

    def skewed_wall() -> float:
        return wall() + float(_OFFSETS.unpack_from(shared)[0])

    def skewed_since_boot() -> float:
        return since_boot() + float(_OFFSETS.unpack_from(shared)[1])

    time.time, time.monotonic = skewed_wall, skewed_since_boot
    threading._time = skewed_since_boot  # type: ignore[attr-defined]  # its own name for the monotonic clock


if __name__ == "__main__":
    _skew(Path(os.environ[_FILE]))
    from gateway.__main__ import main  # only now, so that nobody has kept the true clocks

    sys.exit(main(sys.argv[1:]))
