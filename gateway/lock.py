"""
The lock of a gateway's directory.

It is held for life: it says whether a gateway runs, also after ``kill -9``, and its file says which.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from gateway.errors import BadProgram, GatewayError


class AlreadyRunningError(GatewayError):
    """A gateway runs in this directory; *about* is its pid and ports."""

    def __init__(self, directory: Path, about: dict[str, Any]) -> None:
        super().__init__(f"already running in {directory}: {json.dumps(about)}", hint="stop it first")
        self.about = about


class TimeUp(BaseException):
    """An alarm clock has rung."""


@contextlib.contextmanager
def locked(directory: Path, *, wait: bool = False) -> Iterator[int]:
    """
    Hold the lock of *directory* and give its descriptor.

    Raises:
        AlreadyRunningError: Another process holds it, and *wait* is false.
    """
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadProgram(f"{directory} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise AlreadyRunningError(directory, _about(lock)) from None
        yield lock
    finally:
        os.close(lock)


def say_who(lock: int, about: dict[str, Any]) -> None:
    """Write *about* into the file of *lock*, in place of what stood there."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(about).encode(), 0)


def _about(lock: int) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(os.pread(lock, 4096, 0))
    except ValueError:
        return {}  # it has just begun
    return about


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeUp` inside the block after *seconds*: a lock can be waited for, but not for a limited time."""

    def ring(_: int, __: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
