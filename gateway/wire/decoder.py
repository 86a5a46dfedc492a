"""
Decode the bytes of a connection, sans-I/O: the caller reads, the decoder says where to and what it was.

Every length is checked before memory is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gateway.errors import RemoteWireError
from gateway.wire.frame import Message
from gateway.wire.intake import Arrived, Intake
from gateway.wire.pool import OVERHEAD
from gateway.wire.records import (
    HEAD_BYTES,
    MAX_RECORD_BYTES,
    Ack,
    FrameHeader,
    Kind,
    Lanes,
    Ping,
    decode_ack,
    decode_count,
    decode_end,
    decode_frame,
    decode_message,
    decode_slice,
)

Event: TypeAlias = Arrived | Message | Ack | Ping | Lanes


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """
    What a receiver of frames allows, and who takes them in.

    ``begin`` is called with a header (``raw_bytes`` are never more than ``max_frame_bytes``) and the sealed manifest
    before any of the payload is taken. It may block; the sender then waits.
    """

    begin: Callable[[FrameHeader, bytes], Intake]
    slice_bytes: int
    max_frame_bytes: int


class RecordDecoder:
    """
    Turns the bytes of one direction of a connection into events.

    The caller fills `want()` and tells `advance` how many bytes it got. Slices go straight to where the frame's intake
    wants them. No record is shorter than `HEAD_BYTES`, which is exactly what a slice's is: a reader
    takes that much at once and needs two reads a slice. Holds one frame at most; after an error, or at the end, call
    `abandon` to have it forgotten.
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
            Kind.END: self._take_end,
        }
        self._takers = {int(kind): takers[kind] for kind in allowed}
        self._head = memoryview(bytearray(HEAD_BYTES))
        self._header: FrameHeader | None = None
        self._intake: Intake | None = None
        self._slices = 0
        self._run = 0
        self._slice = self._head
        self._view = self._head
        self._then: Callable[[], Event | None] = self._take_head

    @property
    def between_records(self) -> bool:
        """Whether the peer may leave now without cutting anything short."""
        return self._header is None and self._view is self._head

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
        """Have the frame forgotten of which only a part has come; nothing is decoded any more."""
        intake, self._intake, self._header = self._intake, None, None
        # These lead back to us and to the memory of the connection, which would wait for the garbage collector.
        self._takers, self._limits, self._then = {}, None, _nothing
        if intake is not None:
            intake.abandon()

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
        if limits is None or self._header is not None:
            raise RemoteWireError("a frame begins where none may")
        if header.raw_bytes > limits.max_frame_bytes:
            raise RemoteWireError(f"a frame of {header.raw_bytes} bytes, allowed are {limits.max_frame_bytes}")
        if header.slice_count > max(1, -(-header.raw_bytes // limits.slice_bytes)):
            raise RemoteWireError(f"{header.slice_count} slices for a frame of {header.raw_bytes} bytes")
        self._header, self._slices = header, 0
        manifest = bytearray(header.manifest_bytes)
        if manifest:
            self._expect(memoryview(manifest), lambda: self._take_manifest(bytes(manifest)))
            return None
        return self._take_manifest(b"")

    def _take_manifest(self, manifest: bytes) -> Event | None:
        assert self._limits is not None
        assert self._header is not None
        self._intake = self._limits.begin(self._header, manifest)
        self._expect_record()
        return None

    def _take_slice(self, body: bytes) -> Event | None:
        if self._header is None or self._intake is None or self._limits is None:
            raise RemoteWireError("a slice comes without its frame")
        index, size_bytes, run = decode_slice(body)
        if index != self._slices or not 1 <= run <= self._header.slice_count - index:
            raise RemoteWireError(
                f"slice {index} comes where slice {self._slices} of {self._header.slice_count} was due"
            )
        if not 1 <= size_bytes <= self._limits.slice_bytes + OVERHEAD:
            raise RemoteWireError(f"a slice of {size_bytes} bytes, slices have {self._limits.slice_bytes}")
        self._run = run
        self._slice = self._intake.room(size_bytes)
        self._expect(self._slice, self._take_payload)
        return None

    def _take_payload(self) -> Event | None:
        assert self._intake is not None
        sealed = self._slice
        self._slices += 1
        self._run -= 1
        self._intake.took(sealed)
        if self._run:
            self._slice = self._view = self._intake.room(len(sealed))
        else:
            self._expect_record()
        return None

    def _take_end(self, body: bytes) -> Event | None:
        header, intake = self._header, self._intake
        if header is None or intake is None:
            raise RemoteWireError("a frame ends that did not begin")
        trailer = decode_end(body)
        if trailer is not None and self._slices < header.slice_count:
            raise RemoteWireError(f"a frame of {header.slice_count} slices ends after {self._slices}")
        self._header = self._intake = None
        if trailer is None:
            intake.abandon()
            return None
        return Arrived(header.frame_id, intake, trailer)


def _nothing() -> None:
    return None
