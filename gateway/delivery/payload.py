"""Plaintext into frames and out of them, slice by slice: nothing here holds more than one slice of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gateway.errors import IntegrityError
from gateway.wire.codecs import FrameOpener, FrameSealer
from gateway.wire.frame import Frame, Piece, decode_manifest, encode_manifest
from gateway.wire.pool import Lease


class FrameBuilder:
    """
    Fill one frame of *raw_bytes*: write into `room`, tell `advance`, and `finish` with the pieces.

    *staging* is the caller's buffer of one slice of plaintext; the sealed slices go into *lease*.
    """

    def __init__(
        self, payload_key: bytes, transfer_id: str, lease: Lease, staging: memoryview, *, raw_bytes: int, compress: bool
    ) -> None:
        self.frame_id = os.urandom(16)
        self._sealer = FrameSealer(payload_key, transfer_id, self.frame_id)
        self._lease = lease
        self._staging = staging
        self._left = raw_bytes
        self._raw_bytes = raw_bytes
        self._compress = compress
        self._filled = 0
        self._slices: list[memoryview] = []

    def room(self, size_bytes: int) -> memoryview:
        """Return where the next at most *size_bytes* of plaintext go."""
        return self._staging[self._filled : self._filled + size_bytes]

    def advance(self, size_bytes: int) -> None:
        """Take note that *size_bytes* were written into `room`, and seal the slice if it is complete."""
        self._filled += size_bytes
        self._left -= size_bytes
        if self._filled == len(self._staging) or (self._left == 0 and self._filled):
            index = len(self._slices)
            out = self._lease.slices[index]
            used = self._sealer.seal(index, self._left == 0, self._staging[: self._filled], out, self._compress)
            self._slices.append(out[:used])
            self._filled = 0

    def finish(
        self, *, partition: str, source: str, destinations: tuple[int, ...], attempt: int, pieces: Sequence[Piece]
    ) -> Frame:
        """Return the frame; the lease is its own from now on."""
        frame = Frame(
            frame_id=self.frame_id,
            partition=partition,
            source=source,
            destinations=destinations,
            attempt=attempt,
            raw_bytes=self._raw_bytes,
            salt=self._sealer.salt,
            manifest=b"",
            slices=self._slices,
            lease=self._lease,
        )
        frame.manifest = self._sealer.seal_manifest(encode_manifest(pieces), frame.binding())
        return frame


class Arena:
    """
    Memory for the plaintext of one frame at a time, grown to the largest seen and used again.

    A writer that holds one is bounded by the largest frame of its program, ``max(chunk, threshold, batch)`` bytes.
    """

    def __init__(self) -> None:
        self._memory = bytearray()

    def view(self, size_bytes: int) -> memoryview:
        """Return *size_bytes* of the arena, whose former content is lost."""
        if len(self._memory) < size_bytes:
            self._memory = bytearray(size_bytes)
        return memoryview(self._memory)[:size_bytes]


class FrameReader:
    """Open one *frame* with the payload key: first its `pieces`, then its `payload`."""

    def __init__(self, payload_key: bytes, transfer_id: str, frame: Frame) -> None:
        self._opener = FrameOpener(payload_key, transfer_id, frame.frame_id, frame.salt)
        self._frame = frame

    def pieces(self) -> tuple[Piece, ...]:
        """Return what the manifest lists. Raises: IntegrityError, if it is not what the source has sealed."""
        manifest = self._opener.open_manifest(self._frame.manifest, self._frame.binding())
        pieces = decode_manifest(manifest)
        if sum(piece.size_bytes for piece in pieces) != self._frame.raw_bytes:
            raise IntegrityError(f"the pieces of frame {self._frame.frame_id.hex()} are not as long as its payload")
        return pieces

    def payload(self, arena: Arena) -> memoryview:
        """Return the plaintext of all pieces, in *arena*. Raises: IntegrityError, if a slice is wrong or missing."""
        out = arena.view(self._frame.raw_bytes)
        filled, last = 0, len(self._frame.slices) - 1
        for index, sealed in enumerate(self._frame.slices):
            filled += self._opener.open(index, index == last, sealed, out[filled:])
        if filled != self._frame.raw_bytes:
            raise IntegrityError(f"frame {self._frame.frame_id.hex()} holds {filled} of {self._frame.raw_bytes} bytes")
        return out
