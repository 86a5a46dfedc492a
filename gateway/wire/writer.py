"""Put frames on one connection."""

from __future__ import annotations

from gateway.errors import LocalWireError
from gateway.meter import clock
from gateway.wire.frame import Announced
from gateway.wire.link import Link
from gateway.wire.pool import Scratch
from gateway.wire.records import encode_end, encode_frame, encode_slice


class LinkWriter:
    """
    A `gateway.wire.frame.FrameWriter` on *link*; for one thread.

    The record before a slice and the slice leave in one call. ``sending_s`` is how long all calls took: until the
    kernel has taken the bytes, which a slow network or peer delays.
    """

    def __init__(self, link: Link, scratch: Scratch) -> None:
        self.scratch = scratch
        self._link = link
        self._under_way = False
        self._run = 0
        self.sending_s = 0.0
        self.sealed_bytes = 0

    def begin(self, frame: Announced, slice_count: int) -> None:
        """
        Announce *frame*.

        Raises:
            LocalWireError: A field of its header is over a limit of the wire, or the frame before it has not ended.
            OSError: The connection broke.
        """
        if self._under_way:
            raise LocalWireError("a frame begins before the one before it has ended")
        record = self._link.seal(encode_frame(frame, slice_count))
        self._under_way = True
        self._send(record, frame.manifest)

    def slice(self, index: int, sealed: memoryview, run: int) -> None:
        """Send a slice. Raises: OSError, if the connection broke."""
        self.sealed_bytes += len(sealed)
        if run:
            self._run = run
            self._send(self._link.seal(encode_slice(index, len(sealed), run)), sealed)
        else:
            self._send(sealed)
        self._run -= 1

    def end(self, trailer: bytes) -> None:
        """Say that the frame is whole. Raises: OSError, if the connection broke."""
        self._end(trailer)

    def give_up(self) -> None:
        """
        Say that the frame, if one is under way, will not be whole.

        Raises:
            LocalWireError: There is no way to say so where more slices were announced; the connection has to end.
            OSError: The connection broke.
        """
        if self._run:
            raise LocalWireError("a frame was given up between slices that were announced; the connection begins anew")
        if self._under_way:
            self._end(None)

    def _end(self, trailer: bytes | None) -> None:
        self._under_way = False
        self._send(self._link.seal(encode_end(trailer)))

    def _send(self, *buffers: bytes | memoryview) -> None:
        began = clock()
        self._link.send(*buffers)
        self.sending_s += clock() - began
