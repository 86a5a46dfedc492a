"""
Decode the bytes of a connection, sans-I/O: the caller reads, the decoder says where to and what it was.

Every length is checked before memory is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import RemoteWireError
from gateway.wire.frame import Frame
from gateway.wire.pool import OVERHEAD
from gateway.wire.records import (
    HEAD_BYTES,
    MAX_RECORD_BYTES,
    SLICE,
    Event,
    Kind,
    Lanes,
    Ping,
    decode_ack,
    decode_count,
    decode_frame,
    decode_message,
)


class Reservation(Protocol):
    """Slices for one frame, such as a `gateway.wire.pool.Lease`."""

    slices: list[memoryview]

    def release(self) -> None:
        """Give the slices back."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """
    What a receiver of frames allows, and where it gets memory.

    ``reserve`` is called with a frame's ``raw_bytes`` (never more than ``max_frame_bytes``) before any of its bytes are
    taken. It may block; the sender then waits.
    """

    reserve: Callable[[int], Reservation]
    slice_bytes: int
    max_frame_bytes: int


class RecordDecoder:
    """
    Turns the bytes of one direction of a connection into events.

    The caller fills `want()` and tells `advance` how many bytes it got. Slices go straight into the memory that
    ``limits.reserve`` gave. No record is shorter than `HEAD_BYTES`, which is exactly what a slice's is: a reader
    takes that much at once and needs two reads a slice. Holds one frame at most; after an error, or at the end, call
    `abandon` to give its memory back.
    """

    def __init__(
        self, open_record: Callable[[bytes], bytes], allowed: frozenset[Kind], limits: FrameLimits | None = None
    ) -> None:
        self._open_record = open_record
        self._limits = limits
        takers: dict[int, Callable[[bytes], Event | None]] = {
            Kind.FRAME: self._take_frame,
            Kind.SLICE: self._take_slice,
            Kind.ACK: decode_ack,
            Kind.MESSAGE: decode_message,
            Kind.PING: lambda body: Ping(decode_count(body)),
            Kind.LANES: lambda body: Lanes(decode_count(body)),
        }
        self._takers = {int(kind): takers[kind] for kind in allowed}
        self._head = memoryview(bytearray(HEAD_BYTES))
        self._frame: Frame | None = None
        self._slice_count = 0
        self._blocks: list[memoryview] = []
        self._view = self._head
        self._then: Callable[[], Event | None] = self._take_head

    @property
    def between_records(self) -> bool:
        """Whether the peer may leave now without cutting anything short."""
        return self._frame is None and self._view is self._head

    def want(self) -> memoryview:
        """Return where the next bytes go; never empty."""
        return self._view

    def advance(self, n: int) -> Event | None:
        """
        Take note of *n* more bytes in what `want` returned, and return the event that they complete.

        Raises:
            RemoteWireError: The peer broke the rules of the wire.
        """
        self._view = self._view[n:]
        return None if len(self._view) else self._then()

    def abandon(self) -> None:
        """Release the frame of which only a part has come."""
        frame, self._frame = self._frame, None
        if frame is not None:
            frame.release()

    def _expect(self, view: memoryview, then: Callable[[], Event | None]) -> None:
        self._view = view
        self._then = then

    def _expect_record(self) -> None:
        self._expect(self._head, self._take_head)

    def _take_head(self) -> Event | None:
        length = int.from_bytes(self._head[:4])
        if not HEAD_BYTES - 4 <= length <= MAX_RECORD_BYTES:
            raise RemoteWireError(f"a record of {length} bytes, allowed are {HEAD_BYTES - 4} to {MAX_RECORD_BYTES}")
        if length == HEAD_BYTES - 4:
            return self._take_record(bytes(self._head[4:]))
        record = bytearray(length)
        record[: HEAD_BYTES - 4] = self._head[4:]
        self._expect(memoryview(record)[HEAD_BYTES - 4 :], lambda: self._take_record(bytes(record)))
        return None

    def _take_record(self, sealed: bytes) -> Event | None:
        body = self._open_record(sealed)
        taker = self._takers.get(body[0])
        if taker is None:
            raise RemoteWireError(f"a record of kind {body[0]} does not belong on this connection")
        self._expect_record()
        return taker(body)

    def _take_frame(self, body: bytes) -> Event | None:
        limits = self._limits
        header = decode_frame(body)
        if limits is None or self._frame is not None:
            raise RemoteWireError("a frame begins where none may")
        if header.raw_bytes > limits.max_frame_bytes:
            raise RemoteWireError(f"a frame of {header.raw_bytes} bytes, allowed are {limits.max_frame_bytes}")
        if header.slice_count > max(1, -(-header.raw_bytes // limits.slice_bytes)):
            raise RemoteWireError(f"{header.slice_count} slices for a frame of {header.raw_bytes} bytes")
        lease = limits.reserve(header.raw_bytes)
        self._blocks, self._slice_count = lease.slices, header.slice_count
        self._frame = Frame(
            header.frame_id,
            header.partition,
            header.source,
            header.destinations,
            header.attempt,
            header.raw_bytes,
            header.salt,
            manifest=b"",
            slices=[],
            lease=lease,
        )
        if not header.manifest_bytes:
            return self._finish_frame()
        manifest = bytearray(header.manifest_bytes)
        self._expect(memoryview(manifest), lambda: self._take_manifest(manifest))
        return None

    def _take_manifest(self, manifest: bytearray) -> Event | None:
        assert self._frame is not None
        self._frame.manifest = bytes(manifest)
        self._expect_record()
        return self._finish_frame()

    def _take_slice(self, body: bytes) -> Event | None:
        if len(body) != SLICE.size or self._frame is None or self._limits is None:
            raise RemoteWireError("a slice comes without its frame")
        _, index, size_bytes = SLICE.unpack(body)
        if index != len(self._frame.slices):
            raise RemoteWireError(f"slice {index} comes where slice {len(self._frame.slices)} was due")
        if not 1 <= size_bytes <= self._limits.slice_bytes + OVERHEAD:
            raise RemoteWireError(f"a slice of {size_bytes} bytes, slices have {self._limits.slice_bytes}")
        view = self._blocks[index][:size_bytes]
        self._expect(view, lambda: self._take_payload(view))
        return None

    def _take_payload(self, view: memoryview) -> Event | None:
        assert self._frame is not None
        self._frame.slices.append(view)
        self._expect_record()
        return self._finish_frame()

    def _finish_frame(self) -> Event | None:
        frame = self._frame
        if frame is None or len(frame.slices) < self._slice_count:
            return None
        self._frame = None
        return frame
