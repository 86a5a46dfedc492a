"""A chunk that is opened and written slice by slice, by the thread of the connection that it comes on."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import GatewayError, IntegrityError, Stopped
from gateway.meter import Meter, clock
from gateway.stores.base import PartStream
from gateway.wire.codecs import FrameOpener, crc64nvme
from gateway.wire.frame import Piece, decode_trailer
from gateway.wire.pool import Scratch
from gateway.wire.records import FrameHeader


class Arrival:
    """
    A `gateway.wire.intake.Intake` that holds one slice at a time, in *scratch*.

    *piece* is written to *stream*, which the store began to open at *began_s* of `gateway.meter.clock`, and counted by
    *meter*. *written* is told the ETag and the digest of a chunk that the store has, *refused* what went wrong; one of
    them is called, unless the frame is abandoned before its end.
    """

    def __init__(
        self,
        header: FrameHeader,
        opener: FrameOpener,
        scratch: Scratch,
        bound: bytes,
        *,
        stream: PartStream,
        meter: Meter,
        began_s: float,
        piece: Piece,
        written: Callable[[Piece, str, int], None],
        refused: Callable[[Piece, GatewayError], None],
    ) -> None:
        self._header = header
        self._opener = opener
        self._scratch = scratch
        self._bound = bound
        self._stream = stream
        self._meter = meter
        self._began_s = began_s
        self._piece = piece
        self._written = written
        self._refused = refused
        self._failure: GatewayError | None = None
        self.elsewhere_s = clock() - began_s
        self._index = 0
        self._size_bytes = 0
        self._crc = 0

    def room(self, size_bytes: int) -> memoryview:
        """Return the connection's own memory."""
        return self._scratch.sealed[:size_bytes]

    def took(self, sealed: memoryview) -> None:
        """Open, digest and write the slice; after a failure, pass over it."""
        if self._failure is not None:
            return
        plain = self._scratch.plain
        index = self._index
        self._index = index + 1
        try:
            count = self._opener.open(index, index + 1 == self._header.slice_count, sealed, plain)
            payload = plain[:count]
            if self._size_bytes + count > self._header.raw_bytes:
                # Before it is written: behind this part lies another, which may be confirmed.
                raise IntegrityError(f"frame {self._header.frame_id.hex()} holds more than its part")
            self._crc = crc64nvme(payload, self._crc)
            self._size_bytes += count
            began = clock()
            self._stream.write(payload)
            self.elsewhere_s += clock() - began
        except Stopped:
            raise  # nothing is wrong with the part: another gateway may write it
        except GatewayError as error:
            self._failure = error

    def finish(self, trailer: bytes) -> None:
        """Check the whole, have the store confirm it, and say so."""
        try:
            if self._failure is not None:
                raise self._failure
            self._check(trailer)
            began = clock()
            etag = self._stream.finish()
            self.elsewhere_s += clock() - began
        except Stopped:
            raise
        except GatewayError as error:
            self._stream.abandon()
            self._refused(self._piece, error)
        else:
            waiting_s = clock() - self._began_s - self.elsewhere_s
            self._meter.share().add(self._size_bytes, busy_s=self.elsewhere_s, waiting_s=waiting_s)
            self._written(self._piece, etag, self._crc)

    def abandon(self) -> None:
        """Close the stream."""
        self._stream.abandon()

    def _check(self, trailer: bytes) -> None:
        (digest,) = decode_trailer(self._opener.open_trailer(trailer, self._bound), 1)
        if self._size_bytes != self._header.raw_bytes:
            raise IntegrityError(
                f"frame {self._header.frame_id.hex()} holds {self._size_bytes} of {self._header.raw_bytes} bytes"
            )
        if self._crc != digest:
            raise IntegrityError(f"{self._piece.key!r} did not arrive as it was read")
