"""Read pieces of a store, digest them, and have them sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.delivery.inflight import InFlight, Task
from gateway.delivery.payload import SliceSealer
from gateway.errors import GatewayError, IntegrityError, SourceChanged, Stopped, StoreError
from gateway.shard import Entry
from gateway.stores.base import Attributes, Head, Lender, Readable
from gateway.wire.codecs import crc64nvme
from gateway.wire.frame import Piece


class UnreadableError(Exception):
    """One piece cannot be read, so its frame cannot be made with it."""

    def __init__(self, task: Task, cause: GatewayError) -> None:
        super().__init__(str(cause))
        self.task = task
        self.cause = cause


class Reported(Protocol):
    """Who is told of what is read: a `gateway.delivery.coordinator.Coordinator`."""

    def read(self, task: Task, crc64nvme: int) -> None:
        """Note the digest of a piece before it is sent. Raises: SourceChanged, if it was another before."""

    def unreadable(self, item: InFlight, error: GatewayError) -> None:
        """Give up *item*: its source cannot be read."""


class PieceReader:
    """Reads what tasks of *coordinator* name from *store*; a stream that breaks is taken up *max_attempts* times."""

    def __init__(self, store: Readable, coordinator: Reported, max_attempts: int) -> None:
        self._store = store
        self._coordinator = coordinator
        self._max_attempts = max_attempts

    def head(self, entry: Entry) -> Head:
        """Return the object of *entry*. Raises: SourceChanged, if it is not the version that was listed; StoreError."""
        head = self._store.head(entry.key)
        if entry.version not in ("", head.version):
            raise SourceChanged(
                f"{self._store.url(entry.key)} changed after it was listed", hint="run the transfer again to copy it"
            )
        return head

    def describe(self, task: Task) -> tuple[Piece, int | None]:
        """
        Return *task* as a manifest lists it, and for a whole object the digest that its store has.

        Raises:
            UnreadableError: It is gone, or not what was listed.
        """
        entry = task.item.entry
        attributes: dict[str, object] = {}
        expected_crc = None
        if task.item.whole:
            try:
                head = self.head(entry)
            except Stopped:
                raise
            except GatewayError as error:
                raise UnreadableError(task, error) from error
            attributes, expected_crc = _filled(head.attributes), head.crc64nvme
        piece = Piece(
            object_id=task.item.object_id,
            key=entry.suffix,
            offset=task.chunk.offset,
            size_bytes=task.chunk.size_bytes,
            number=task.chunk.number,
            object_size=entry.size_bytes,
            token=task.tokens,
            attributes=attributes,
            again=task.again,
        )
        return piece, expected_crc

    def read(self, task: Task, expected_crc: int | None, slices: SliceSealer) -> int:
        """
        Read the bytes of *task* into *slices* and return their CRC-64/NVME, which the coordinator then knows.

        Raises:
            UnreadableError: They cannot be read, or are not what *expected_crc* or an earlier reading says.
            OSError, Stopped: Whatever takes the sealed slices has ended.
        """
        try:
            crc = self._read_range(task, slices)
            if expected_crc not in (None, crc):
                url = self._store.url(task.item.entry.key)
                raise IntegrityError(f"{url} was read with another digest than its store has")
            self._coordinator.read(task, crc)
        except Stopped:
            raise
        except GatewayError as error:
            raise UnreadableError(task, error) from error
        return crc

    def _read_range(self, task: Task, slices: SliceSealer) -> int:
        stream = _Stream()
        breaks = 0
        while stream.done < task.chunk.size_bytes:
            try:
                self._read_on(task, slices, stream)
            except StoreError as error:
                breaks += 1
                if not error.retryable or breaks >= self._max_attempts:
                    raise
        return stream.crc

    def _read_on(self, task: Task, slices: SliceSealer, stream: _Stream) -> None:
        entry, size_bytes = task.item.entry, task.chunk.size_bytes
        with self._store.read_range(
            entry.key,
            offset=task.chunk.offset + stream.done,
            size_bytes=size_bytes - stream.done,
            version=entry.version,
        ) as reader:
            # Asked once: to ask a protocol takes longer than to digest a slice.
            lender = reader if isinstance(reader, Lender) else None
            while stream.done < size_bytes:
                room = slices.room(size_bytes - stream.done)
                if lender is not None:
                    plaintext = lender.lend(len(room))
                    count = len(plaintext)
                    # Sealing hides the way of cold bytes to the core, which a digest is too quick to do.
                    slices.take(plaintext)
                    stream.crc = crc64nvme(plaintext, stream.crc)
                else:
                    count = reader.readinto(room)
                    stream.crc = crc64nvme(room[:count], stream.crc)
                    slices.advance(count)
                stream.done += count
                if not count:
                    raise SourceChanged(f"{self._store.url(entry.key)} is shorter than it was listed")


@dataclass(slots=True)
class _Stream:
    """How much of a piece was read, and its digest so far."""

    done: int = 0
    crc: int = 0


def _filled(attributes: Attributes) -> dict[str, object]:
    """Return the attributes that say something, as a manifest carries them."""
    fields: dict[str, object] = msgspec.to_builtins(attributes)
    return {name: value for name, value in fields.items() if value or value == 0.0}
