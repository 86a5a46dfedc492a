"""
Hosts that share nothing but this machine: network namespaces without a name.

A descriptor of this process keeps a namespace alive, and nothing is written to ``/run/netns``: when the process ends,
however it ends, the namespace is gone with its last process.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h; `os` has it from Python 3.12 on
_TOOLS = ("ip", "nsenter")
_T = TypeVar("_T")
_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def why_no_hosts() -> str:
    """Return what this machine lacks for hosts and the links between them; empty if it lacks nothing."""
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"{' and '.join(missing)} not found"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun cannot be opened"
    try:
        with Host("probe"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespace can be made: {error}"


class Host:
    """One network namespace, with its loopback up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.congestion = ""
        self.network = run_in_thread(_unshared)
        try:
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            os.close(self.network)
            raise

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the namespace go, once the last process in it has ended."""
        with contextlib.suppress(OSError):
            os.close(self.network)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command to run it on this host."""
        return ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self.network}", "--")

    def run(self, *command: str | Path) -> str:
        """Run *command* here and return what it prints. Raises: CalledProcessError."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, check=True)
        return done.stdout

    def connect(self, port: int, timeout_s: float) -> socket.socket:
        """Return a connection to *port* of this host's loopback."""
        sock = run_in_thread(self._socket)
        sock.settimeout(timeout_s)
        sock.connect(("127.0.0.1", port))
        return sock

    def _socket(self) -> socket.socket:
        enter(self.network)
        return socket.socket()


def enter(network: int) -> None:
    """Move the calling thread into the namespace that the descriptor *network* stands for."""
    _check(_libc.setns(network, _NEW_NETWORK))


def _unshared() -> int:
    _check(_libc.unshare(_NEW_NETWORK))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run_in_thread(work: Callable[[], _T]) -> _T:
    """Return what *work* does in a thread of its own: a thread that has changed its namespace is of no other use."""
    results: list[_T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def processes_in(hosts: Sequence[Host]) -> dict[int, str]:
    """Return pid → command line of what runs on *hosts*."""
    wanted = {os.fstat(host.network).st_ino for host in hosts}
    found: dict[int, str] = {}
    for directory in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if (directory / "ns" / "net").stat().st_ino in wanted:
                found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ")
    return found
