"""
The sink of one destination: writes pieces and confirms them; its `Owner` opens and completes objects.

Memory: ``writers`` frames wait in the pool, and each writer holds the plaintext of one frame (`payload.Arena`). A store
that takes parts as they arrive needs neither: the connection's thread writes them slice by slice (`arrival.Arrival`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from gateway.delivery.arrival import Arrival
from gateway.delivery.channel import Channel
from gateway.delivery.exists import IfExists, Writable
from gateway.delivery.letters import Abort, Complete, Letter, Open, Receipt, Received, Refused
from gateway.delivery.owner import Owner
from gateway.delivery.payload import Arena, FrameReader, manifest_of
from gateway.delivery.runtime import Runtime
from gateway.delivery.workers import Workers
from gateway.errors import GatewayError, IntegrityError, ObjectExists, ObjectMissing, Stopped
from gateway.meter import Meter, clock
from gateway.stores.base import Attributes, Head
from gateway.wire.codecs import FrameOpener, crc64nvme
from gateway.wire.frame import Frame, Header, Piece, binding
from gateway.wire.pool import Scratch
from gateway.wire.records import FrameHeader


class Sink:
    """
    Write what frames bring for *destination* into *store*, and answer with receipts.

    *key_for* maps a suffix to the destination key, *meter* counts.
    `start`, then `put` and `hear` from any thread, then `close` and `join`.
    """

    def __init__(
        self,
        runtime: Runtime,
        store: Writable,
        *,
        destination: int,
        key_for: Callable[[str], str],
        meter: Meter | None = None,
    ) -> None:
        self._runtime = runtime
        self._meter = meter or Meter()
        self._store = store
        self._destination = destination
        self._key_for = key_for
        self._key = runtime.payload_key
        self._frames: Channel[Frame] = Channel(runtime.settings.writers)
        self._exists = IfExists(runtime.settings.if_exists, store, runtime.secrets.transfer_started_s)
        self._owner = Owner(runtime, store, self._exists, key_for)
        self._workers = Workers(runtime.on_crash)

    def start(self) -> None:
        """Start the writers and the owners."""
        self._workers.start(f"write-{self._destination}", self._write_frames, self._runtime.settings.writers)
        self._owner.start()

    def put(self, frame: Frame) -> None:
        """Take over *frame*; waits while all writers are busy. Raises: Stopped, and releases it."""
        try:
            self._frames.put(frame)
        except Stopped:
            frame.release()
            raise

    def take_in(self, header: FrameHeader, manifest: bytes, scratch: Scratch) -> Arrival | None:
        """Return what takes a chunk in as it comes; None for what is to be `put` as a whole frame."""
        if header.raw_bytes <= self._runtime.settings.batch_bytes:
            return None
        opener = FrameOpener(self._key, self._runtime.secrets.transfer_id, header.frame_id, header.salt)
        bound = binding(header.partition, header.source, header.destinations, header.attempt, header.raw_bytes)
        try:
            pieces = manifest_of(opener, header, manifest, bound)
            piece = pieces[0]
            if len(pieces) != 1 or not piece.number:
                return None
            began_s = clock()
            stream = self._store.stream_part(
                self._key_for(piece.key),
                piece.token.get(self._destination, ""),
                number=piece.number,
                offset=piece.offset,
            )
        except GatewayError:
            return None  # the writer meets the same and can say so
        if stream is None:
            return None
        return Arrival(
            header,
            opener,
            scratch,
            bound,
            stream=stream,
            meter=self._meter,
            began_s=began_s,
            piece=piece,
            written=partial(self._written, header.partition, header.source),
            refused=partial(self._refuse, header),
        )

    def hear(self, sender: str, letter: Letter) -> bool:
        """Take a question of a source; return whether it is for this sink. Never waits."""
        if letter.destination != self._destination or not isinstance(letter, Open | Complete | Abort):
            return False
        self._owner.hear(sender, letter)
        return True

    def close(self) -> None:
        """Take nothing more and let the threads end."""
        for frame in self._frames.close():
            frame.release()
        self._owner.close()

    def join(self) -> None:
        """Wait for the threads; uploads that are still open are aborted."""
        self._workers.join()
        self._owner.join()

    def _write_frames(self) -> None:
        arena, share = Arena(), self._meter.share()
        while True:
            began = clock()
            frame = self._frames.get()
            got = clock()
            try:
                pieces = self._write_frame(frame, arena)
                share.add(frame.raw_bytes, busy_s=clock() - got, waiting_s=got - began, chunks=pieces)
            finally:
                frame.release()

    def _write_frame(self, frame: Frame, arena: Arena) -> int:
        """Write what *frame* brings and return how many pieces that were meant to be."""
        reader = FrameReader(self._key, self._runtime.secrets.transfer_id, frame)
        try:
            pieces = reader.pieces()
        except IntegrityError as error:
            # What it held is unknown, so nothing can be refused: its source will miss the receipts.
            self._runtime.log(f"frame {frame.frame_id.hex()} from {frame.source} dropped: {error}")
            return 0
        try:
            payload = reader.payload(arena)
        except IntegrityError as error:
            for piece, _ in pieces:
                self._refuse(frame, piece, error)
            return len(pieces)
        received, position = [], 0
        for piece, crc in pieces:
            part = payload[position : position + piece.size_bytes]
            position += piece.size_bytes
            try:
                received.append(self._write_piece(piece, crc, part))
            except Stopped:
                raise
            except GatewayError as error:
                self._refuse(frame, piece, error)
        if received:
            self._confirm(frame.partition, frame.source, *received)
        return len(pieces)

    def _write_piece(self, piece: Piece, crc: int, payload: memoryview) -> Received:
        if crc64nvme(payload) != crc:
            raise IntegrityError(f"{piece.key!r} did not arrive as it was read")
        key = self._key_for(piece.key)
        if piece.number:
            token = piece.token.get(self._destination, "")
            etag = self._store.put_part(key, token, number=piece.number, offset=piece.offset, payload=payload)
            return self._received(piece, crc, etag=etag)
        head = self._put(key, piece, crc, payload)
        return self._received(
            piece, crc, skipped=head is None, compared=head is not None and head.crc64nvme is not None
        )

    def _written(self, partition: str, source: str, piece: Piece, etag: str, crc: int) -> None:
        self._confirm(partition, source, self._received(piece, crc, etag=etag))

    def _confirm(self, partition: str, source: str, *received: Received) -> None:
        self._runtime.say(source, Receipt(partition=partition, destination=self._destination, items=received))

    def _received(
        self, piece: Piece, crc: int, *, etag: str = "", skipped: bool = False, compared: bool = False
    ) -> Received:
        self._runtime.counters.add("bytes_written", 0 if skipped else piece.size_bytes)
        return Received(
            object_id=piece.object_id,
            number=piece.number,
            etag=etag,
            size_bytes=piece.size_bytes,
            crc64nvme=crc,
            token=piece.token.get(self._destination, ""),
            skipped=skipped,
            compared=compared,
        )

    def _put(self, key: str, piece: Piece, crc: int, payload: memoryview) -> Head | None:
        """Write a whole object and return it as it stands; None where what stood there is left as it is."""
        try:
            attributes = msgspec.convert(piece.attributes, Attributes)
        except msgspec.ValidationError as error:
            raise IntegrityError(f"the attributes of {piece.key!r} are none: {error}") from error
        try:
            if_absent = self._exists.must_be_absent(key, again=piece.again)
            if if_absent is None:
                return None
            head = self._store.put(key, payload, attributes, if_absent=if_absent)
        except ObjectExists:
            # By the same frame on another way, or by a call whose answer was lost?
            if (standing := self._standing(key, piece, crc, attributes)) is not None:
                return standing
            if self._exists.rule != "skip":
                raise
            return None  # another writer was faster, which is as good
        if head.crc64nvme not in (None, crc):
            raise IntegrityError(f"{self._store.url(key)} has another digest in its store than what was written")
        return head

    def _standing(self, key: str, piece: Piece, crc: int, attributes: Attributes) -> Head | None:
        """Return what stands at *key* if this transfer wrote it."""
        try:
            head = self._store.head(key)
        except ObjectMissing:
            return None
        ours = self._exists.is_result(head, size_bytes=piece.size_bytes, crc64nvme=crc, mtime_s=attributes.mtime_s)
        return head if ours else None

    def _refuse(self, frame: Header, piece: Piece, error: GatewayError) -> None:
        self._runtime.log(f"{piece.key!r} of {frame.source} refused: {type(error).__name__}: {error}")
        self._runtime.events.troubles.add("refused", piece.key, str(error), error.hint)
        refused = Refused(
            partition=frame.partition,
            destination=self._destination,
            object_id=piece.object_id,
            number=piece.number,
            attempt=frame.attempt,
            token=piece.token.get(self._destination, ""),
            error=type(error).__name__,
            message=str(error),
            hint=error.hint,
            retryable=error.retryable,
        )
        self._runtime.say(frame.source, refused)
