"""Plaintext into frames and out of them, slice by slice: nothing here holds more than one slice of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.errors import IntegrityError
from gateway.program import Settings
from gateway.wire.ciphers import AES256GCM, chosen
from gateway.wire.codecs import FrameOpener, FrameSealer
from gateway.wire.compression import Compressor, compressor
from gateway.wire.frame import (
    RUN_SLICES,
    Frame,
    Header,
    Piece,
    decode_manifest,
    decode_trailer,
    encode_manifest,
    encode_trailer,
)
from gateway.wire.pool import Lease


@dataclass(frozen=True, slots=True)
class Sealing:
    """What all frames of a source are packed and sealed with. *compressor* None: nothing is packed."""

    payload_key: bytes = field(repr=False)
    transfer_id: str
    cipher: int = AES256GCM
    compressor: Compressor | None = None

    @classmethod
    def of(cls, payload_key: bytes, transfer_id: str, settings: Settings) -> Sealing:
        """Return what *settings* choose, on this machine."""
        return cls(payload_key, transfer_id, chosen(settings.cipher), compressor(settings.compression))

    @property
    def packs(self) -> bool:
        """Whether slices are packed, as far as the last ones tell."""
        return self.compressor is not None and self.compressor.verdict.packs

    def sealer(self, frame_id: bytes) -> FrameSealer:
        """Return what seals the frame of that id, with a new salt."""
        return FrameSealer(self.payload_key, self.transfer_id, frame_id, cipher=self.cipher)


class SliceSealer:
    """
    Cut *raw_bytes* of plaintext into slices and seal each: write into `room` and tell `advance`, or give it to `take`.

    *staging* is the caller's buffer of one slice of plaintext. *place* says where a sealed slice goes, *sealed* is told
    of it, and of the run that it begins (`gateway.wire.frame.FrameWriter.slice`): slices that are not packed are all of
    one size, so that it is known before they are read. What begins to shrink within a run is packed after it.
    """

    def __init__(
        self,
        sealer: FrameSealer,
        staging: memoryview,
        *,
        raw_bytes: int,
        compressor: Compressor | None,
        place: Callable[[int], memoryview],
        sealed: Callable[[int, memoryview, int], None],
    ) -> None:
        self._sealer = sealer
        self._staging = staging
        self._left = raw_bytes
        self._compressor = self._packs = compressor
        self._place = place
        self._sealed = sealed
        self._filled = 0
        self._index = 0
        self._run = 0

    def room(self, size_bytes: int) -> memoryview:
        """Return where the next at most *size_bytes* of plaintext go."""
        return self._staging[self._filled : self._filled + size_bytes]

    def advance(self, size_bytes: int) -> None:
        """Take note that *size_bytes* were written into `room`, and seal the slice if it is complete."""
        self._filled += size_bytes
        self._left -= size_bytes
        if self._filled == len(self._staging) or (self._left == 0 and self._filled):
            self._seal(self._staging[: self._filled])
            self._filled = 0

    def take(self, plaintext: memoryview) -> None:
        """Take *plaintext*, no longer than `room`, which stays the caller's; a whole slice is sealed where it lies."""
        if self._filled or (len(plaintext) < len(self._staging) and len(plaintext) < self._left):
            self.room(len(plaintext))[:] = plaintext
            self.advance(len(plaintext))
        elif plaintext:
            self._left -= len(plaintext)
            self._seal(plaintext)

    def _seal(self, plaintext: memoryview) -> None:
        out = self._place(self._index)
        begins = 0 if self._run else self._plan(plaintext)
        self._run += begins
        used = self._sealer.seal(self._index, self._left == 0, plaintext, out, self._packs)
        self._sealed(self._index, out[:used], begins)
        self._index += 1
        self._run -= 1

    def _plan(self, plaintext: memoryview) -> int:
        """Return how many slices from here on are sealed as they are; 1 for one that is tried to be packed."""
        compressor = self._compressor
        if compressor is not None and not compressor.skips(plaintext):
            self._packs = compressor
            return 1
        self._packs = None
        return min(RUN_SLICES, 1 + self._left // len(self._staging)) if len(plaintext) == len(self._staging) else 1


class FrameBuilder:
    """
    Fill one frame of *raw_bytes*: give the plaintext to `slices`, and `finish` with the pieces.

    *staging* is the caller's buffer of one slice of plaintext; the sealed slices go into *lease*.
    """

    def __init__(self, sealing: Sealing, lease: Lease, staging: memoryview, *, raw_bytes: int) -> None:
        self.frame_id = os.urandom(16)
        self._sealer = sealing.sealer(self.frame_id)
        self._lease = lease
        self._raw_bytes = raw_bytes
        self._slices: list[memoryview] = []
        self.slices = SliceSealer(
            self._sealer,
            staging,
            raw_bytes=raw_bytes,
            compressor=sealing.compressor,
            place=lease.slices.__getitem__,
            sealed=lambda _, view, __: self._slices.append(view),
        )

    def finish(
        self,
        *,
        partition: str,
        source: str,
        destinations: tuple[int, ...],
        attempt: int,
        pieces: Sequence[Piece],
        digests: Sequence[int],
    ) -> Frame:
        """Return the frame, of *pieces* with these CRC-64/NVME *digests*; the lease is its own from now on."""
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
        bound = frame.binding()
        frame.manifest = self._sealer.seal_manifest(encode_manifest(pieces), bound)
        frame.trailer = self._sealer.seal_trailer(encode_trailer(digests), bound)
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
    """Open one *frame* with the payload key: first its `pieces` and their digests, then its `payload`."""

    def __init__(self, payload_key: bytes, transfer_id: str, frame: Frame) -> None:
        self._opener = FrameOpener(payload_key, transfer_id, frame.frame_id, frame.salt)
        self._frame = frame

    def pieces(self) -> tuple[tuple[Piece, int], ...]:
        """
        Return what the manifest lists, each with its digest.

        Raises:
            IntegrityError: Manifest or trailer are not what the source has sealed.
        """
        frame, bound = self._frame, self._frame.binding()
        pieces = manifest_of(self._opener, frame, frame.manifest, bound)
        digests = decode_trailer(self._opener.open_trailer(frame.trailer, bound), len(pieces))
        return tuple(zip(pieces, digests, strict=True))

    def payload(self, arena: Arena) -> memoryview:
        """Return the plaintext of all pieces, in *arena*. Raises: IntegrityError, if a slice is wrong or missing."""
        out = arena.view(self._frame.raw_bytes)
        filled, last = 0, len(self._frame.slices) - 1
        for index, sealed in enumerate(self._frame.slices):
            filled += self._opener.open(index, index == last, sealed, out[filled:])
        if filled != self._frame.raw_bytes:
            raise IntegrityError(f"frame {self._frame.frame_id.hex()} holds {filled} of {self._frame.raw_bytes} bytes")
        return out


def manifest_of(opener: FrameOpener, header: Header, sealed: bytes, bound: bytes) -> tuple[Piece, ...]:
    """
    Return the pieces of the frame of *header*.

    Raises:
        IntegrityError: The manifest is not what the source has sealed, or lists another payload.
    """
    pieces = decode_manifest(opener.open_manifest(sealed, bound))
    if sum(piece.size_bytes for piece in pieces) != header.raw_bytes:
        raise IntegrityError(f"the pieces of frame {header.frame_id.hex()} are not as long as its payload")
    return pieces
