"""
The source of one group: expands shards, reads, compresses, seals, and hands frames on.

Memory: the pool bounds the frames, each reader has one slice of plaintext, the intake holds `INTAKE` shards, and the
coordinator bounds what is not settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.chunk import MAX_PARTS, cut
from gateway.delivery.channel import Channel
from gateway.delivery.coordinator import Coordinator
from gateway.delivery.draft import Draft
from gateway.delivery.inflight import ShardRun, Work
from gateway.delivery.payload import FrameBuilder, Sealing
from gateway.delivery.reading import PieceReader, Reported, UnreadableError
from gateway.delivery.runtime import Runtime
from gateway.delivery.workers import Workers
from gateway.errors import StoreError
from gateway.meter import Meter, Share, clock
from gateway.shard import Entry, Shard
from gateway.stores.base import Readable
from gateway.units import format_bytes
from gateway.wire.frame import Frame
from gateway.wire.outlet import FrameQueue

# Shards that wait: enough that a gateway never runs dry while its client fetches the next, few enough to hand them to
# another when this one is lost.
INTAKE = 4


class Source:
    """
    Move the shards of one group from *store*; *emit* takes over each frame, and may wait.

    Where a store is at hand, a chunk that does not shrink is left to the connection that will send it, if *outlet* is
    the one way out.
    """

    def __init__(
        self,
        runtime: Runtime,
        coordinator: Coordinator,
        store: Readable,
        emit: Callable[[Frame], None],
        outlet: FrameQueue | None = None,
        *,
        meter: Meter | None = None,
    ) -> None:
        self._runtime = runtime
        self._meter = meter or Meter()
        self._settings = runtime.settings
        self._sealing = Sealing.of(runtime.payload_key, runtime.secrets.transfer_id, runtime.settings)
        self._coordinator = coordinator
        self._store = store
        self._emit = emit
        self._outlet = outlet if store.at_hand else None
        self._reader = PieceReader(store, coordinator, runtime.settings.max_attempts)
        self._intake: Channel[Shard] = Channel(INTAKE)
        self._workers = Workers(runtime.on_crash)

    def start(self) -> None:
        """Start the threads."""
        self._workers.start("watch", self._coordinator.watch)
        self._workers.start("expand", self._expand_shards)
        self._workers.start("read", self._read, self._settings.readers)

    def submit(self, shard: Shard, wait_s: float | None) -> bool:
        """Take *shard* unless the intake stays full for *wait_s*; return whether it was taken. Raises: Stopped."""
        return self._intake.put(shard, wait_s)

    def draft(self, work: Work, reported: Reported) -> Draft:
        """Return *work* of this source, which another process has taken, as a draft; *reported* is told of it."""
        reader = PieceReader(self._store, reported, self._settings.max_attempts)
        return Draft(self._runtime, self._sealing, reader, reported, work, meter=self._meter)

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
            head = self._reader.head(entry)
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

    def _read(self) -> None:
        staging = memoryview(bytearray(self._settings.slice_bytes))
        share = self._meter.share()
        while True:
            began = clock()
            work = self._coordinator.take()
            if self._outlet is not None and self._can_be_left(work):
                self._leave(work, self._outlet)
            else:
                taken, before_s = clock(), share.waiting_s
                self._make(work, staging, share)
                share.busy_s += clock() - taken - (share.waiting_s - before_s)
                share.waiting_s += taken - began

    def _make(self, work: Work, staging: memoryview, share: Share) -> None:
        """Send a frame of those pieces of *work* that can be read; *share* is told of all but the time at work."""
        while work.tasks:
            try:
                frame = self._frame(work, staging, share)
            except UnreadableError as failure:
                self._coordinator.unreadable(failure.task.item, failure.cause)
                work = replace(work, tasks=tuple(task for task in work.tasks if task is not failure.task))
            else:
                self._send(work, frame, share)
                return

    def _can_be_left(self, work: Work) -> bool:
        # To pack takes longer than to send: then several readers do it ahead of one connection.
        return len(work.tasks) == 1 and work.size_bytes > self._settings.batch_bytes and not self._sealing.packs

    def _leave(self, work: Work, outlet: FrameQueue) -> None:
        if work.attempt:
            self._runtime.counters.add("frames_resent", 1)
        outlet.put(Draft(self._runtime, self._sealing, self._reader, self._coordinator, work, meter=self._meter))
        self._coordinator.sent(work)

    def _send(self, work: Work, frame: Frame, share: Share) -> None:
        if work.attempt:
            self._runtime.counters.add("frames_resent", 1)
        self._runtime.counters.add("bytes_read", work.size_bytes)
        self._runtime.counters.add("bytes_sealed", frame.wire_bytes)
        began = clock()
        self._emit(frame)
        share.add(work.size_bytes, busy_s=0.0, waiting_s=clock() - began, chunks=len(work.tasks))
        self._coordinator.sent(work)

    def _frame(self, work: Work, staging: memoryview, share: Share) -> Frame:
        began = clock()
        lease = self._runtime.pool.reserve(work.size_bytes)
        share.waiting_s += clock() - began
        try:
            builder = FrameBuilder(self._sealing, lease, staging, raw_bytes=work.size_bytes)
            pieces, digests = [], []
            for task in work.tasks:
                piece, expected_crc = self._reader.describe(task)
                digests.append(self._reader.read(task, expected_crc, builder.slices))
                pieces.append(piece)
            return builder.finish(
                partition=work.partition,
                source=self._runtime.gateway,
                destinations=work.destinations,
                attempt=work.attempt + 1,
                pieces=pieces,
                digests=digests,
            )
        except BaseException:
            lease.release()
            raise
