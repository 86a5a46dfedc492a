"""
What travels between gateways: frames (bulk) and messages (small, routed).

These are the nouns; `records` puts them on a connection. A `Frame` holds sealed bytes only: who has no payload
key can forward it, not read it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

import msgspec

from gateway.errors import IntegrityError, LocalWireError
from gateway.wire.pool import Scratch


class Releasable(Protocol):
    """Memory on loan, such as a `gateway.wire.pool.Lease`."""

    def release(self) -> None:
        """Give the memory back."""


# What fits into a file offset of every system: larger ones are nobody's objects, and would end a thread.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """
    One object, or one chunk of an object, in a frame's payload. Its digest follows the payload, in the trailer.

    Attributes:
        object_id: The coordinator's own name of the object.
        key: The suffix that every destination appends to its prefix.
        offset: Where the chunk begins in the object, in bytes.
        size_bytes: How many bytes of the payload are this piece.
        number: The chunk's number from 1; 0 says that the piece is the whole object.
        object_size: Bytes of the whole object.
        token: Destination index → upload token; empty for whole objects.
        attributes: What travels with a whole object's bytes (`stores.base.Attributes` as a map).
        again: An earlier run of this transfer may have written the object: that is no conflict.
    """

    object_id: str
    key: str
    offset: _Count
    size_bytes: _Count
    number: _Count
    object_size: _Count
    token: Mapping[int, str] = msgspec.field(default_factory=dict)
    attributes: Mapping[str, object] = msgspec.field(default_factory=dict)
    again: bool = False


_encoder = msgspec.msgpack.Encoder()
_pieces = msgspec.msgpack.Decoder(tuple[Piece, ...])
_digests = msgspec.msgpack.Decoder(tuple[int, ...])


def encode_manifest(pieces: Sequence[Piece]) -> bytes:
    """Return the plaintext of a manifest; the payload is the pieces' bytes in this order."""
    return _encoder.encode(pieces)


def decode_manifest(plaintext: bytes) -> tuple[Piece, ...]:
    """
    Return the pieces of a manifest.

    Raises:
        IntegrityError: *plaintext* is no manifest.
    """
    try:
        return _pieces.decode(plaintext)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise IntegrityError(f"not a manifest: {error}") from error


def encode_trailer(digests: Sequence[int]) -> bytes:
    """Return the plaintext of a trailer: the CRC-64/NVME of each piece's plaintext, in the manifest's order."""
    return _encoder.encode(digests)


def decode_trailer(plaintext: bytes, pieces: int) -> tuple[int, ...]:
    """
    Return the digests of a frame's *pieces*.

    Raises:
        IntegrityError: *plaintext* is no trailer of that many pieces.
    """
    try:
        digests = _digests.decode(plaintext)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"not a trailer: {error}") from error
    if len(digests) != pieces:
        raise IntegrityError(f"a trailer of {len(digests)} digests for {pieces} pieces")
    return digests


def binding(partition: str, source: str, destinations: tuple[int, ...], attempt: int, raw_bytes: int) -> bytes:
    """Return what of a header the seals of manifest and trailer bind: all that a relay must not change."""
    return _encoder.encode((partition, source, destinations, attempt, raw_bytes))


class Header(Protocol):
    """What opens a frame on the wire; `Frame` explains the fields."""

    @property
    def frame_id(self) -> bytes: ...
    @property
    def partition(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def destinations(self) -> tuple[int, ...]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def raw_bytes(self) -> int: ...
    @property
    def salt(self) -> bytes: ...


class Announced(Header, Protocol):
    """A header with its sealed manifest."""

    @property
    def manifest(self) -> bytes: ...


class FrameWriter(Protocol):
    """
    One connection, for the thread that puts frames on it; it lends ``scratch`` to what is made while it is sent.

    ``sending_s`` and ``sealed_bytes`` count the time that all calls took, and the slices.
    """

    scratch: Scratch
    sending_s: float
    sealed_bytes: int

    def begin(self, frame: Announced, slice_count: int) -> None:
        """Announce a frame of *slice_count* slices."""

    def slice(self, index: int, sealed: memoryview, run: int) -> None:
        """
        Send the next slice; its memory may be used again when this returns.

        *run* says that the next *run* slices, this one included, have its size; 0 that it is within such a run.
        """

    def end(self, trailer: bytes) -> None:
        """Say that the frame is whole."""

    def give_up(self) -> None:
        """Say that the frame will not be whole: who receives it forgets it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A small thing from one gateway to another; ``seal`` is what `gateway.wire.codecs.seal_message` gave."""

    to: str
    sender: str
    kind: str
    seal: bytes


# How many slices of one size are announced together at most. A record and a read for each cost as much as all else that
# Python does for a slice; a longer run saves nothing more, and a draft cannot end within one.
RUN_SLICES = 8


def _run(slices: Sequence[memoryview], index: int) -> int:
    size_bytes = len(slices[index])
    run = 1
    while run < RUN_SLICES and index + run < len(slices) and len(slices[index + run]) == size_bytes:
        run += 1
    return run


@dataclass(slots=True, eq=False)
class Frame:
    """
    One chunk, or one batch of whole small objects: header, sealed manifest, sealed slices.

    Its memory is its own until it is released, so that it can be sent again, and to several. A frame is born with one
    reference. Each of several users takes one by `retain` and drops it by `release`; the last
    one gives ``lease`` back, and the slices are gone.

    Attributes:
        frame_id: 16 random bytes.
        partition: The job.
        source: The gateway that made the frame and waits for receipts.
        destinations: Indexes of the destinations in the partition's job.
        attempt: Counts from 1; a repeat is a new frame with a new id and salt.
        raw_bytes: Plaintext bytes of all slices.
        salt: 32 bytes, for `gateway.wire.codecs.FrameOpener`.
        manifest: Sealed.
        slices: Views cut to the sealed length, in order.
        lease: What the slices are borrowed from.
        trailer: Sealed.
    """

    frame_id: bytes
    partition: str
    source: str
    destinations: tuple[int, ...]
    attempt: int
    raw_bytes: int
    salt: bytes
    manifest: bytes
    slices: list[memoryview]
    lease: Releasable | None = field(default=None, repr=False)
    trailer: bytes = b""
    _references: int = field(default=1, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def wire_bytes(self) -> int:
        """Bytes of manifest and slices on the wire."""
        return len(self.manifest) + sum(len(view) for view in self.slices)

    def binding(self) -> bytes:
        """Return what the seals of manifest and trailer bind of this frame's header."""
        return binding(self.partition, self.source, self.destinations, self.attempt, self.raw_bytes)

    def send(self, out: FrameWriter) -> bool:
        """Put the frame on a connection; return True: it is whole."""
        out.begin(self, len(self.slices))
        within = 0
        for index, view in enumerate(self.slices):
            run = 0 if within else _run(self.slices, index)
            within = (within or run) - 1
            out.slice(index, view, run)
        out.end(self.trailer)
        return True

    def retain(self, n: int = 1) -> Frame:
        """
        Add *n* references and return the frame.

        Raises:
            LocalWireError: The frame was released already.
        """
        with self._lock:
            if self._references < 1:
                raise LocalWireError(f"frame {self.frame_id.hex()} was released already")
            self._references += n
        return self

    def again(self) -> Frame:
        """Return the frame itself with one more reference: several may send it at a time."""
        return self.retain()

    def release(self) -> None:
        """
        Drop one reference; the last one gives the memory back.

        Raises:
            LocalWireError: The frame was released already.
        """
        with self._lock:
            if self._references < 1:
                raise LocalWireError(f"frame {self.frame_id.hex()} was released already")
            self._references -= 1
            if self._references:
                return
        self.slices = []
        if self.lease is not None:
            self.lease.release()
