"""What connections send, and when it is late."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Protocol

from gateway.units import MIB
from gateway.wire.frame import Announced, FrameWriter

# One frame on its way while the previous one waits for its acknowledgement keeps a connection busy. More would let a
# slow connection sit on frames that a fast one could send.
WINDOW_FRAMES = 2
# Small frames need more of them under way: 8 MiB fill 430 Mbit/s at 150 ms RTT, about what one connection gets.
WINDOW_BYTES = 8 * MIB
WINDOW_MOST_FRAMES = 64
# A frame is late when it takes this many times what the last ones of its queue took, and not less than a second: below,
# sending it twice costs more than the wait.
LATE_FACTOR = 4
LATE_LEAST_S = 1.0
_RECENT = 32


class Parcel(Announced, Protocol):
    """
    What a connection sends: a `gateway.wire.frame.Frame`, or a draft that becomes one while it is sent.

    ``frame_id`` is that of the last `send`; ``wire_bytes`` is about what it takes of a window.
    """

    @property
    def wire_bytes(self) -> int: ...

    def send(self, out: FrameWriter) -> bool:
        """Put all of it on a connection; return False, in the middle of it perhaps, if it cannot become whole."""

    def retain(self) -> Parcel:
        """Take a reference and return the parcel."""

    def again(self) -> Parcel:
        """Return what another connection can send at the same time, with a reference of its own."""

    def release(self) -> None:
        """Drop a reference."""


class Pace:
    """What the last frames of a queue took, from the first byte to their acknowledgement."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_RECENT)

    def took(self, seconds: float) -> None:
        """Note one more."""
        self._took_s.append(seconds)

    @property
    def late_after_s(self) -> float:
        """How long a frame may be under way before it is late."""
        usual_s = statistics.median(self._took_s) if self._took_s else 0.0
        return max(LATE_LEAST_S, LATE_FACTOR * usual_s)
