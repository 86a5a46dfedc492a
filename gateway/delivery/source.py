"""
The source of one group: expands shards, reads, compresses, seals, and hands frames on.

Memory: the pool bounds the frames, each reader has one slice of plaintext, the intake holds `INTAKE` shards, and the
coordinator bounds what is not settled.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from gateway.chunk import MAX_PARTS, cut
from gateway.delivery.channel import Channel
from gateway.delivery.coordinator import Coordinator
from gateway.delivery.inflight import ShardRun, Task, Work
from gateway.delivery.payload import FrameBuilder
from gateway.delivery.runtime import Runtime
from gateway.delivery.workers import Workers
from gateway.errors import GatewayError, IntegrityError, SourceChanged, Stopped, StoreError
from gateway.shard import Entry, Shard
from gateway.stores.base import Attributes, Head, RangeReader
from gateway.units import format_bytes
from gateway.wire.codecs import crc64nvme
from gateway.wire.frame import Frame, Piece

# Shards that wait: enough that a gateway never runs dry while its client fetches the next, few enough to hand them to
# another when this one is lost.
INTAKE = 4


class Readable(Protocol):
    """What a source needs of a `Store`."""

    def url(self, key: str) -> str:
        """Return *key* as a user would write it."""

    def head(self, key: str) -> Head:
        """Return *key* as it stands."""

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open a stream over a byte range."""


class _UnreadableError(Exception):
    """One piece cannot be read, so its frame has to be made without it."""

    def __init__(self, task: Task, cause: GatewayError) -> None:
        super().__init__(str(cause))
        self.task = task
        self.cause = cause


class Source:
    """Move the shards of one group from *store*; *emit* takes over each frame, and may wait."""

    def __init__(
        self, runtime: Runtime, coordinator: Coordinator, store: Readable, emit: Callable[[Frame], None]
    ) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._key = runtime.payload_key
        self._coordinator = coordinator
        self._store = store
        self._emit = emit
        self._intake: Channel[Shard] = Channel(INTAKE)
        self._workers = Workers(runtime.on_crash)

    def start(self) -> None:
        """Start the threads."""
        self._workers.start("watch", self._coordinator.watch)
        self._workers.start("expand", self._expand_shards)
        self._workers.start("read", self._read, self._settings.readers)

    def submit(self, shard: Shard, wait_s: float) -> bool:
        """Take *shard* unless the intake stays full for *wait_s*; return whether it was taken. Raises: Stopped."""
        return self._intake.put(shard, wait_s)

    def close(self) -> None:
        """Take nothing more, have open uploads aborted, and let the threads end."""
        self._intake.close()
        self._coordinator.close()

    def join(self) -> None:
        """Wait for the threads."""
        self._workers.join()

    def _expand_shards(self) -> None:
        while True:
            shard = self._intake.get()
            self._runtime.log(f"shard {shard.shard_id}: {len(shard.entries)} objects, {shard.size_bytes} bytes")
            self._runtime.events.begin(shard)
            run = self._coordinator.begin(shard)
            if run is not None:
                self._expand(run)

    def _expand(self, run: ShardRun) -> None:
        batch: list[int] = []
        batch_bytes = 0
        for index, entry in enumerate(run.shard.entries):
            if entry.size_bytes > self._settings.threshold_bytes:
                self._open(run, index, entry)
                continue
            full = len(batch) >= self._settings.batch_objects
            if batch and (full or batch_bytes + entry.size_bytes > self._settings.batch_bytes):
                self._coordinator.admit_batch(run, batch)
                batch, batch_bytes = [], 0
            batch.append(index)
            batch_bytes += entry.size_bytes
        if batch:
            self._coordinator.admit_batch(run, batch)

    def _open(self, run: ShardRun, index: int, entry: Entry) -> None:
        settings = self._settings
        chunks = cut(entry.size_bytes, chunk_bytes=settings.chunk_bytes, threshold_bytes=settings.threshold_bytes)
        try:
            self._check_fits(entry, chunks[0].size_bytes)
            head = self._head(entry)
        except StoreError as error:
            self._coordinator.reject(run, index, error)
        else:
            self._coordinator.admit_object(run, index, chunks, head)

    def _check_fits(self, entry: Entry, part_bytes: int) -> None:
        # That the usual chunk fits was checked at the start of every gateway. One that reads and receives has half
        # a pool for either.
        slice_bytes = self._settings.slice_bytes
        room_bytes = self._settings.pool_bytes // 2 // slice_bytes * slice_bytes
        if part_bytes > max(self._settings.chunk_bytes, room_bytes):
            raise StoreError(
                f"{self._store.url(entry.key)} needs parts of {format_bytes(part_bytes)}, because stores take at most "
                f"{MAX_PARTS} of them; a gateway has {format_bytes(room_bytes)} for one",
                hint=f"choose a --chunk-size of {format_bytes(part_bytes)} or more",
            )

    def _head(self, entry: Entry) -> Head:
        head = self._store.head(entry.key)
        if entry.version not in ("", head.version):
            raise SourceChanged(
                f"{self._store.url(entry.key)} changed after it was listed", hint="run the transfer again to copy it"
            )
        return head

    def _read(self) -> None:
        staging = memoryview(bytearray(self._settings.slice_bytes))
        while True:
            work: Work | None = self._coordinator.take()
            frame = None
            while work is not None and frame is None:
                try:
                    frame = self._frame(work, staging)
                except _UnreadableError as failure:
                    self._coordinator.unreadable(failure.task.item, failure.cause)
                    tasks = tuple(task for task in work.tasks if task is not failure.task)
                    work = replace(work, tasks=tasks) if tasks else None
            if work is not None and frame is not None:
                self._send(work, frame)

    def _send(self, work: Work, frame: Frame) -> None:
        if work.attempt:
            self._runtime.counters.add("frames_resent", 1)
        self._runtime.counters.add("bytes_read", work.size_bytes)
        self._emit(frame)
        self._coordinator.sent(work)

    def _frame(self, work: Work, staging: memoryview) -> Frame:
        lease = self._runtime.pool.reserve(work.size_bytes)
        try:
            builder = FrameBuilder(
                self._key,
                self._runtime.secrets.transfer_id,
                lease,
                staging,
                raw_bytes=work.size_bytes,
                compress=self._settings.compression == "lz4",
            )
            pieces = [self._piece(task, builder) for task in work.tasks]
            return builder.finish(
                partition=work.partition,
                source=self._runtime.gateway,
                destinations=work.destinations,
                attempt=work.attempt + 1,
                pieces=pieces,
            )
        except BaseException:
            lease.release()
            raise

    def _piece(self, task: Task, builder: FrameBuilder) -> Piece:
        entry = task.item.entry
        try:
            attributes: dict[str, object] = {}
            expected_crc = None
            if task.item.whole:
                head = self._head(entry)
                attributes, expected_crc = _filled(head.attributes), head.crc64nvme
            crc = self._read_range(task, builder)
            if expected_crc not in (None, crc):
                raise IntegrityError(f"{self._store.url(entry.key)} was read with another digest than its store has")
            self._coordinator.read(task, crc)
        except Stopped:
            raise
        except GatewayError as error:
            raise _UnreadableError(task, error) from error
        return Piece(
            object_id=task.item.object_id,
            key=entry.suffix,
            offset=task.chunk.offset,
            size_bytes=task.chunk.size_bytes,
            number=task.chunk.number,
            crc64nvme=crc,
            object_size=entry.size_bytes,
            token=task.tokens,
            attributes=attributes,
            again=task.again,
        )

    def _read_range(self, task: Task, builder: FrameBuilder) -> int:
        """Read the bytes of *task* into *builder* and return their digest; a stream that breaks is taken up again."""
        stream = _Stream()
        breaks = 0
        while stream.done < task.chunk.size_bytes:
            try:
                self._read_on(task, builder, stream)
            except StoreError as error:
                breaks += 1
                if not error.retryable or breaks >= self._settings.max_attempts:
                    raise
        return stream.crc

    def _read_on(self, task: Task, builder: FrameBuilder, stream: _Stream) -> None:
        entry, size_bytes = task.item.entry, task.chunk.size_bytes
        with self._store.read_range(
            entry.key,
            offset=task.chunk.offset + stream.done,
            size_bytes=size_bytes - stream.done,
            version=entry.version,
        ) as reader:
            while stream.done < size_bytes:
                room = builder.room(size_bytes - stream.done)
                count = reader.readinto(room)
                if not count:
                    raise SourceChanged(f"{self._store.url(entry.key)} is shorter than it was listed")
                stream.crc = crc64nvme(room[:count], stream.crc)
                stream.done += count
                builder.advance(count)


@dataclass(slots=True)
class _Stream:
    """How much of a piece was read, and its digest so far."""

    done: int = 0
    crc: int = 0


def _filled(attributes: Attributes) -> dict[str, object]:
    """Return the attributes that say something, as a manifest carries them."""
    fields: dict[str, object] = msgspec.to_builtins(attributes)
    return {name: value for name, value in fields.items() if value or value == 0.0}
