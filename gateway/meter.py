"""
What each operator of a gateway has done, and how long it worked and waited: so that a user sees which one is slow.

Counting costs a few additions: every thread adds to a `Share` of its own, without a lock, and `Meter.read` sums them.

::

    share = meter.share()          # once per thread, or per frame: some 0.1 µs
    began = clock()
    ...                            # wait for work
    got = clock()
    share.waiting_s += got - began
    ...                            # do it
    share.busy_s += clock() - got
    share.chunks += 1
    share.size_bytes += size
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

clock = time.perf_counter


@dataclass(slots=True, eq=False)
class Share:
    """What one thread has counted for one operator; only that thread adds to it."""

    chunks: int = 0
    size_bytes: int = 0
    busy_s: float = 0.0
    waiting_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Metered:
    """
    The counts of one operator since the gateway started.

    ``chunks`` counts pieces: chunks of large objects, and small objects that travel whole; where frames cannot be
    looked into (what only receives and sends) it counts frames. ``size_bytes`` are of objects.
    ``busy_s`` and ``waiting_s`` are seconds summed over the operator's threads: at work, and waiting for something to
    do or for the next operator to take it.
    """

    chunks: int = 0
    size_bytes: int = 0
    busy_s: float = 0.0
    waiting_s: float = 0.0


class Meter:
    """The counts of one operator. Memory: a `Share` for each living thread that has counted."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._lock = threading.Lock()
        self._shares: list[tuple[threading.Thread, Share]] = []
        self._ended = Metered()

    def share(self) -> Share:
        """Return what the calling thread adds to."""
        try:
            return self._own.share  # type: ignore[no-any-return]  # a threading.local has no types
        except AttributeError:
            share = self._own.share = Share()
        with self._lock:
            self._fold()
            self._shares.append((threading.current_thread(), share))
        return share

    def read(self) -> Metered:
        """Return the sum over all threads; a thread that is just counting may be half counted."""
        with self._lock:
            return _sum(self._ended, [share for _, share in self._shares])

    def _fold(self) -> None:
        # Connections come and go, each with threads of its own.
        ended = [share for thread, share in self._shares if not thread.is_alive()]
        if ended:
            self._ended = _sum(self._ended, ended)
            self._shares = [(thread, share) for thread, share in self._shares if thread.is_alive()]


def _sum(first: Metered, others: list[Share]) -> Metered:
    return Metered(
        first.chunks + sum(share.chunks for share in others),
        first.size_bytes + sum(share.size_bytes for share in others),
        first.busy_s + sum(share.busy_s for share in others),
        first.waiting_s + sum(share.waiting_s for share in others),
    )
