"""What went wrong at a gateway: the last of it, and how much there was."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

# Some 500 bytes each.
RETAINED = 256


class Troubles:
    """Keep the last `RETAINED` errors; any thread may add. *clock* gives seconds since the epoch, for people."""

    def __init__(self, *, retained: int = RETAINED, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._last: deque[dict[str, Any]] = deque(maxlen=retained)
        self._counts: Counter[str] = Counter()
        self._clock = clock

    def add(self, kind: str, about: str, error: str, hint: str = "") -> None:
        """Note an error; *about* names the object or the gateway. Never blocks."""
        with self._lock:
            self._counts[kind] += 1
            number = sum(self._counts.values())
            trouble = {"number": number, "at_s": round(self._clock(), 3), "kind": kind, "about": about}
            self._last.append(trouble | {"error": error, "hint": hint})

    def read(self, after: int = 0) -> dict[str, Any]:
        """Return ``counts`` by kind and the ``errors`` numbered above *after* that are not forgotten."""
        with self._lock:
            errors = [trouble for trouble in self._last if trouble["number"] > after]
            return {"counts": dict(self._counts), "errors": errors}
