"""What connections send, and when it is late."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import TYPE_CHECKING, Protocol

from gateway.units import MIB
from gateway.wire.frame import Announced, FrameWriter

if TYPE_CHECKING:
    from gateway.wire.outlet import Taker

# Frames hold pool memory already; a deep queue would only commit more of it to one branch. One large frame that waits
# is enough: more of them are out of every cache when they are sent.
QUEUE_FRAMES = 8
QUEUE_BYTES = 64 * MIB
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


class Supply(Protocol):
    """Where a connection gets its frames from, and what it says of them: an `Exchange`."""

    def take(self, taker: Taker) -> Parcel | None:
        """Return the next frame, with a reference of its own; None when the connection is to end."""

    def ack(self, taker: Taker, frame_id: bytes) -> None:
        """Note that the peer has the frame. Raises: RemoteWireError, if it was sent none of that name."""

    def forget(self, taker: Taker, frame: Parcel) -> None:
        """Expect no acknowledgement of *frame*."""

    def stop(self, taker: Taker) -> None:
        """Make `take` return None."""

    def give_back(self, taker: Taker) -> None:
        """Have what is not acknowledged sent by others."""


class Pace:
    """What the last frames of a queue took, from their first byte to their acknowledgement; seconds of one clock."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_RECENT)
        self._last_s = -math.inf

    def took(self, since_s: float, now_s: float) -> None:
        """Note that a frame was acknowledged that is under way since *since_s*."""
        self._took_s.append(now_s - since_s)
        self._last_s = now_s

    def is_late(self, since_s: float, now_s: float) -> bool:
        """
        Tell whether a frame under way since *since_s* is late.

        Where nothing is acknowledged any more nothing is late: it is the peer that waits, not one connection.
        """
        usual_s = statistics.median(self._took_s) if self._took_s else 0.0
        overtaken = self._last_s > since_s + usual_s / 2
        return overtaken and now_s - since_s > max(LATE_LEAST_S, LATE_FACTOR * usual_s)


def fits_window(frames: int, size_bytes: int) -> bool:
    """Tell whether a connection with so many *frames* of *size_bytes* unacknowledged may send another."""
    return frames < WINDOW_FRAMES or (frames < WINDOW_MOST_FRAMES and size_bytes < WINDOW_BYTES)
