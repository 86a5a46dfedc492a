"""An event that a blocked thread notices: what it waits on is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skytf.errors import HostError


class Cancelled(HostError):
    """The work on a host was given up because somebody asked for it, not because the host failed."""


class Cancel(threading.Event):
    """
    An event whose `set` also closes what other threads are blocked on.

    Threads wait for the network far more than for events, and a socket does not look at events:
    whoever blocks says in `closing` how to unblock him.
    """

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._closers: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        """Set the event and run every closer of now; those registered later run at once."""
        super().set()
        with self._guard:
            closers = list(self._closers.values())
        for close in closers:
            close()

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Call *close* (from the cancelling thread, perhaps twice) if the event is set within this context."""
        token = object()
        with self._guard:
            self._closers[token] = close
        try:
            if self.is_set():
                close()
            yield
        finally:
            with self._guard:
                del self._closers[token]

    def check(self, subject: str) -> None:
        """
        Return if nobody cancelled.

        Raises:
            Cancelled: Somebody did; the message names *subject*.
        """
        if self.is_set():
            raise Cancelled(f"{subject}: cancelled")
