"""How fast it goes, and how often to say so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_WINDOW_S = 10.0


class Pace:
    """Says yes at most once per *interval_s*; the first time at once."""

    def __init__(self, interval_s: float, clock: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._next_s: float | None = None

    def due(self, *, last: bool = False) -> bool:
        """Whether it is time again; the *last* one is always due."""
        now_s = self._clock()
        if not last and self._next_s is not None and now_s < self._next_s:
            return False
        self._next_s = now_s + self._interval_s
        return True


class Rate:
    """Bytes per second over the last ten seconds, from totals; holds at most one sample per call in that time."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, at_s: float, total_bytes: int) -> None:
        """Note that *total_bytes* had arrived at the time *at_s*."""
        self._samples.append((at_s, total_bytes))
        while len(self._samples) > 2 and self._samples[1][0] <= at_s - _WINDOW_S:
            self._samples.popleft()

    @property
    def bytes_per_s(self) -> float:
        """The rate, 0.0 before there are two samples."""
        if len(self._samples) < 2:
            return 0.0
        (start_s, start), (end_s, end) = self._samples[0], self._samples[-1]
        return (end - start) / (end_s - start_s) if end_s > start_s else 0.0

    def eta_s(self, remaining_bytes: int) -> float | None:
        """Return the seconds until *remaining_bytes* will have arrived; None while nothing arrives."""
        rate = self.bytes_per_s
        return remaining_bytes / rate if rate > 0 else None
