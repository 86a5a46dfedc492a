"""
What travels between gateways: frames (bulk) and messages (small, routed).

These are the nouns; `records` puts them on a connection. A `Frame` holds sealed bytes only: who has no payload
key can forward it, not read it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from gateway.errors import IntegrityError, LocalWireError


class Releasable(Protocol):
    """Memory on loan, such as a `gateway.wire.pool.Lease`."""

    def release(self) -> None:
        """Give the memory back."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """
    One object, or one chunk of an object, in a frame's payload.

    Attributes:
        object_id: The coordinator's own name of the object.
        key: The suffix that every destination appends to its prefix.
        offset: Where the chunk begins in the object, in bytes.
        size_bytes: How many bytes of the payload are this piece.
        number: The chunk's number from 1; 0 says that the piece is the whole object.
        crc64nvme: Of the piece's plaintext.
        object_size: Bytes of the whole object.
        token: Destination index → upload token; empty for whole objects.
        attributes: What travels with a whole object's bytes (`stores.base.Attributes` as a map).
        again: An earlier run of this transfer may have written the object: that is no conflict.
    """

    object_id: str
    key: str
    offset: int
    size_bytes: int
    number: int
    crc64nvme: int
    object_size: int
    token: Mapping[int, str] = msgspec.field(default_factory=dict)
    attributes: Mapping[str, object] = msgspec.field(default_factory=dict)
    again: bool = False


_encoder = msgspec.msgpack.Encoder()
_pieces = msgspec.msgpack.Decoder(tuple[Piece, ...])


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
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"not a manifest: {error}") from error


@dataclass(frozen=True, slots=True)
class Message:
    """A small thing from one gateway to another; ``seal`` is what `gateway.wire.codecs.seal_message` gave."""

    to: str
    sender: str
    kind: str
    seal: bytes


@dataclass(slots=True, eq=False)
class Frame:
    """
    One chunk, or one batch of whole small objects: header, sealed manifest, sealed slices.

    A frame is born with one reference. Each of several users takes one by `retain` and drops it by `release`; the last
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
    _references: int = field(default=1, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def wire_bytes(self) -> int:
        """Bytes of manifest and slices on the wire."""
        return len(self.manifest) + sum(len(view) for view in self.slices)

    def binding(self) -> bytes:
        """Return what of the header the manifest's seal binds: all that a relay must not change."""
        return _encoder.encode((self.partition, self.source, self.destinations, self.attempt, self.raw_bytes))

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
