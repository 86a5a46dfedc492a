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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

clock = time.perf_counter
# Of the largest share of time at work. Below it an operator is idle often enough not to be the one that is waited for.
NEARLY = 0.8
# Of the longest time at work: one thread beside a site's sixteen may still be the slow one.
HARDLY = 0.05


@dataclass(slots=True, eq=False)
class Share:
    """What one thread has counted for one operator; only that thread adds to it."""

    chunks: int = 0
    size_bytes: int = 0
    busy_s: float = 0.0
    waiting_s: float = 0.0

    def add(self, size_bytes: int, *, busy_s: float, waiting_s: float, chunks: int = 1) -> None:
        """Count *chunks* of *size_bytes* in all, and the time that they took."""
        self.chunks += chunks
        self.size_bytes += size_bytes
        self.busy_s += busy_s
        self.waiting_s += waiting_s

    def merge(self, other: Share) -> None:
        """Add *other*."""
        self.chunks += other.chunks
        self.size_bytes += other.size_bytes
        self.busy_s += other.busy_s
        self.waiting_s += other.waiting_s


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


class PerThread(Generic[T]):
    """
    A value for each thread, which alone changes it, and the sum of all. Memory: one for each living thread.

    *merge* adds the second value to the first; the second may be changing meanwhile.
    """

    def __init__(self, make: Callable[[], T], merge: Callable[[T, T], None]) -> None:
        self._make = make
        self._merge = merge
        self._own = threading.local()
        self._lock = threading.Lock()
        self._living: list[tuple[threading.Thread, T]] = []
        self._ended = make()

    def mine(self) -> T:
        """Return the value of the calling thread."""
        try:
            return self._own.value  # type: ignore[no-any-return]  # a threading.local has no types
        except AttributeError:
            value = self._own.value = self._make()
        with self._lock:
            self._fold()
            self._living.append((threading.current_thread(), value))
        return value

    def total(self) -> T:
        """Return the sum over all threads, those that have ended included."""
        total = self._make()
        with self._lock:
            for value in (self._ended, *(value for _, value in self._living)):
                self._merge(total, value)
        return total

    def _fold(self) -> None:
        # Connections come and go, each with threads of its own.
        living = []
        for thread, value in self._living:
            if thread.is_alive():
                living.append((thread, value))
            else:
                self._merge(self._ended, value)
        self._living = living


class Meter:
    """The counts of one operator."""

    def __init__(self) -> None:
        self._shares = PerThread(Share, Share.merge)
        self.share = self._shares.mine

    def read(self) -> Metered:
        """Return the sum over all threads; a thread that is just counting may be half counted."""
        total = self._shares.total()
        return Metered(total.chunks, total.size_bytes, round(total.busy_s, 6), round(total.waiting_s, 6))


def bottleneck(flow: Sequence[Metered]) -> int | None:
    """
    Return which operator of *flow*, in the order that chunks pass them, holds the others up; None if none has worked.

    Who works for the largest share of its threads' time is slow; so is whoever waits for it in a call that counts as
    work, such as sending to a gateway that takes nothing. Therefore the last one whose share is at least `NEARLY` of
    the largest: behind it nobody is busy. Who has hardly worked at all, less than `HARDLY` as long as another, is left
    out: of a moment's work no share can be told.
    """
    longest = max((one.busy_s for one in flow), default=0.0)
    shares = [one.busy_s / (one.busy_s + one.waiting_s) if one.busy_s > HARDLY * longest else 0.0 for one in flow]
    most = max(shares, default=0.0)
    return max((place for place, share in enumerate(shares) if share >= NEARLY * most), default=None) if most else None
