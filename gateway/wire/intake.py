"""Where the bytes of an arriving frame go: whoever wants frames decides, frame by frame, before memory is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gateway.meter import clock
from gateway.wire.frame import Frame
from gateway.wire.pool import Loan, Memory, Scratch, Withdrawal
from gateway.wire.records import FrameHeader


class Intake(Protocol):
    """
    One arriving frame. The thread of its connection alone calls: `room` and `took` in turn for each slice, then
    `finish` or `abandon`.

    ``elsewhere_s`` is how long that thread was kept by others: the store, or whoever takes the frame next.
    """

    elsewhere_s: float

    def room(self, size_bytes: int) -> memoryview:
        """Return where the next sealed slice goes."""

    def took(self, sealed: memoryview) -> None:
        """Take note that the slice is there. Does not raise for what it holds: the connection is not to blame."""

    def finish(self, trailer: bytes) -> None:
        """Hand the whole frame on. May wait, and the sender with it. Raises: Stopped, when the gateway stops."""

    def abandon(self) -> None:
        """Forget the frame, which will not be whole; fine after `finish` too."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """All of a frame is here; its intake has yet to `Intake.finish` it with the sealed *trailer*."""

    frame_id: bytes
    intake: Intake
    trailer: bytes


# Takes the header, the sealed manifest and the memory of the connection. None: the frame is to be kept sealed.
Opener: TypeAlias = Callable[[FrameHeader, bytes, Scratch], Intake | None]


class Kept:
    """Keeps a frame sealed in memory of a pool, and hands it on when it is whole."""

    def __init__(self, header: FrameHeader, manifest: bytes, lease: Loan, deliver: Callable[[Frame], None]) -> None:
        self.elsewhere_s = 0.0
        self._blocks = lease.slices
        self._deliver = deliver
        self._frame: Frame | None = Frame(
            header.frame_id,
            header.partition,
            header.source,
            header.destinations,
            header.attempt,
            header.raw_bytes,
            header.salt,
            manifest,
            slices=[],
            lease=lease,
        )

    def room(self, size_bytes: int) -> memoryview:
        """Return the next slice of the pool."""
        assert self._frame is not None
        return self._blocks[len(self._frame.slices)][:size_bytes]

    def took(self, sealed: memoryview) -> None:
        """Keep the slice."""
        assert self._frame is not None
        self._frame.slices.append(sealed)

    def finish(self, trailer: bytes) -> None:
        """Hand the frame and its memory on."""
        frame, self._frame = self._frame, None
        assert frame is not None
        frame.trailer = trailer
        began = clock()
        self._deliver(frame)
        self.elsewhere_s += clock() - began

    def abandon(self) -> None:
        """Give the memory back."""
        frame, self._frame = self._frame, None
        if frame is not None:
            frame.release()


def keep(
    pool: Memory, withdrawal: Withdrawal, deliver: Callable[[Frame], None], header: FrameHeader, manifest: bytes
) -> Kept:
    """Return an intake with memory for a whole frame; waits until *pool* has it. Raises: Stopped."""
    began = clock()
    kept = Kept(header, manifest, pool.reserve(header.raw_bytes, withdrawal), deliver)
    kept.elsewhere_s = clock() - began
    return kept
