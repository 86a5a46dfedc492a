"""Wait for children, and for orphans: an SSH server that is the init process of its VM."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Reaper:
    """
    The one place that waits for the processes below this one; made, and used, on the loop's thread.

    Where the kernel has subreapers, a daemon that left its session and lost its parent becomes this process's child,
    so it is reaped here and found below it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: dict[int, tuple[subprocess.Popen[bytes], asyncio.Future[int]]] = {}
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def watch(self, child: subprocess.Popen[bytes]) -> asyncio.Future[int]:
        """
        Return a future of the exit code of *child*; minus the signal's number if a signal ended it.

        Call it before the loop runs again after *child* was started, so that it is not taken for an orphan.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        self._watched[child.pid] = child, future
        return future

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self._watched:
                continue
            child, future = self._watched.pop(pid)
            child.returncode = os.waitstatus_to_exitcode(status)
            if not future.done():  # whoever waited may have been cancelled
                future.set_result(child.returncode)
