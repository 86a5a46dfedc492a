"""
The pieces that a source gateway has in flight: what to read next, what must be sent again, what is settled.

Pure state: calls go in, `Say`s and `Tell`s come out. The dialogue talks with the sinks, the coordinator has threads.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.chunk import Chunk
from gateway.delivery.inflight import Delivery, InFlight, Lane, Say, ShardRun, Stage, Task, Tell, Work, confirmed_bytes
from gateway.delivery.letters import Abort
from gateway.errors import GatewayError, SourceChanged
from gateway.program import Settings
from gateway.shard import Shard
from gateway.units import GIB


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What bounds the work that is not settled, and with it the memory of a coordinator.

    ``pieces`` at 1.5 KiB each are 30 MiB. ``size_bytes`` bounds what is read again when a gateway is lost; 8 GiB are
    6 s of 10 Gbit/s, more than the buffers and the round trip of any way. ``open_objects`` have at most 10,000
    chunks each. ``receipt_timeout_s`` is the patience with a sink that shows no progress.
    """

    pieces: int = 20_000
    size_bytes: int = 8 * GIB
    open_objects: int = 16
    batches: int = 8
    receipt_timeout_s: float = 120.0


class Ledger:
    """
    Objects in flight, the window over them, and what to do next.

    Not thread-safe. After each call the caller carries out `actions` in order and clears them.
    """

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        self.settings = settings
        self.limits = limits or Limits()
        self.actions: list[Say | Tell] = []
        self.objects: dict[str, InFlight] = {}
        self.runs: dict[str, ShardRun] = {}
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.held_pieces = 0
        self.held_bytes = 0
        self.open_objects = 0
        # Begins anywhere, so that a gateway that was started again takes no receipt for an object of its predecessor.
        self._ids = itertools.count(int.from_bytes(os.urandom(6), "big"))
        self._batches: deque[tuple[InFlight, ...]] = deque()
        self._streaming: deque[InFlight] = deque()
        self._again: dict[tuple[str, int], set[int]] = {}

    def begin(self, shard: Shard) -> ShardRun:
        """Start on *shard*; one without entries is done at once."""
        run = ShardRun.begin(shard)
        self.runs[shard.shard_id] = run
        self._finish(run)
        return run

    def has_room(self, size_bytes: int, pieces: int) -> bool:
        """Return whether that much more fits into the window; whatever its size, one thing alone does."""
        fits = self.held_bytes + size_bytes <= self.limits.size_bytes
        return self.held_pieces == 0 or (fits and self.held_pieces + pieces <= self.limits.pieces)

    def has_batch_room(self, size_bytes: int, pieces: int) -> bool:
        """Return whether a batch of that many objects may be admitted."""
        return len(self._batches) < self.limits.batches and self.has_room(size_bytes, pieces)

    def admit_batch(self, run: ShardRun, indexes: Sequence[int]) -> None:
        """Take on the entries of *run* at *indexes*, each a whole object, to be read as one frame."""
        batch = []
        for index in indexes:
            item = self.admit(run, index, [Chunk(0, 0, run.shard.entries[index].size_bytes)], Stage.SENDING)
            self._hold(item, 0)
            batch.append(item)
        self._batches.append(tuple(batch))

    def admit(self, run: ShardRun, index: int, chunks: Sequence[Chunk], stage: Stage) -> InFlight:
        """Take on the entry of *run* at *index*."""
        deliveries = {destination: Delivery(destination, stage) for destination in run.shard.destinations}
        item = InFlight(object_id=f"{next(self._ids):x}", run=run, index=index, chunks=chunks, deliveries=deliveries)
        self.objects[item.object_id] = item
        if not item.whole:
            self.open_objects += 1
        return item

    def stream(self, item: InFlight) -> None:
        """Let the chunks of *item* be read, if every destination has answered."""
        unread = item.next_chunk < len(item.chunks) and not item.whole
        if unread and not item.opening and not item.done and item not in self._streaming:
            self._streaming.append(item)

    def repeat(self, item: InFlight, destination: int) -> None:
        """Send one destination again what was read before its upload was opened anew."""
        for chunk in item.chunks[: item.next_chunk]:
            self.again(item, chunk.number, destination)

    def forget(self, item: InFlight, destination: int) -> None:
        """Expect no receipt from *destination* any more."""
        lane = self.lane(item, destination)
        for number in item.unsettled:
            lane.sent.pop((item.object_id, number), None)

    def take(self) -> Work | None:
        """Return what to read next: repeats first, then chunks of open objects, then batches; None: all must wait."""
        return self._take_again() or self._take_chunk() or self._take_batch()

    def read(self, task: Task, crc64nvme: int) -> None:
        """
        Note the digest of a piece, before it is sent.

        Raises:
            SourceChanged: The same bytes had another digest when they were read before.
        """
        before = task.item.crcs.setdefault(task.chunk.number, crc64nvme)
        if before != crc64nvme:
            raise SourceChanged(
                f"{task.item.entry.key!r} was read twice with different content although its version stayed the same",
                hint="copy it again once nobody writes to it",
            )

    def sent(self, work: Work, now: float) -> None:
        """Note that *work* went out: from here on receipts are due."""
        for task in work.tasks:
            for destination in task.item.lacking(task.chunk.number):
                if destination in work.destinations:
                    self.lane(task.item, destination).sent[task.item.object_id, task.chunk.number] = now

    def again(self, item: InFlight, number: int, destination: int) -> None:
        """Have chunk *number* read and sent once more, for one destination."""
        self.lane(item, destination).sent.pop((item.object_id, number), None)
        if item.deliveries[destination].lacks(number):
            self._hold(item, number)
            self._again.setdefault((item.object_id, number), set()).add(destination)

    def release(self, item: InFlight) -> None:
        """Make room in the window for the chunks of *item* that nobody lacks any more."""
        for number in [number for number in item.unsettled if not item.lacking(number)]:
            item.unsettled.remove(number)
            self.held_pieces -= 1
            self.held_bytes -= item.chunk(number).size_bytes

    def reject(self, run: ShardRun, index: int, error: GatewayError) -> None:
        """Give up an entry of *run* that was never admitted."""
        chunk = Chunk(0, 0, run.shard.entries[index].size_bytes)
        self.unreadable(self.admit(run, index, [chunk], Stage.SENDING), error)

    def abort_all(self) -> None:
        """Have every open upload forgotten: the gateway stops."""
        for item in self.objects.values():
            for delivery in item.deliveries.values():
                self.abort(item, delivery)

    def unreadable(self, item: InFlight, error: GatewayError) -> None:
        """Give up *item* at every destination that still waits: its source cannot be read."""
        for delivery in item.deliveries.values():
            self.fail(item, delivery, type(error).__name__, str(error), error.hint)

    def fail(self, item: InFlight, delivery: Delivery, error: str, message: str, hint: str) -> None:
        """Give up *item* at one destination, and have its upload aborted; *error* names a class of `gateway.errors`."""
        if delivery.stage is Stage.DONE:
            return
        self.abort(item, delivery)
        fields = {"key": item.entry.key, "error": message, "hint": hint, "code": error}
        shard_id = item.run.shard.shard_id
        self.actions.append(Tell("failed", {"shard_id": shard_id, "destination": delivery.destination, **fields}))
        self.settle(item, delivery, failed=message)

    def abort(self, item: InFlight, delivery: Delivery) -> None:
        """Have the upload of *delivery* forgotten, if there is one."""
        if delivery.token:
            self.actions.append(
                Say(
                    delivery.owner,
                    Abort(
                        partition=item.run.shard.partition,
                        destination=delivery.destination,
                        destination_key=delivery.destination_key,
                        token=delivery.token,
                    ),
                )
            )
            self.close(delivery)

    def close(self, delivery: Delivery) -> None:
        """Tell that the upload of *delivery* is complete or given up."""
        fields = {"key": delivery.destination_key, "token": delivery.token}
        self.actions.append(Tell("closed", {"destination": delivery.destination, **fields}))
        delivery.token = ""

    def settle(
        self, item: InFlight, delivery: Delivery, *, failed: str = "", skipped: bool = False, compared: bool = False
    ) -> None:
        """Note that *item* arrived (*compared* with the store's own digest?), was skipped or *failed* somewhere."""
        if delivery.stage is Stage.DONE:
            return
        delivery.stage = Stage.DONE
        delivery.receipts.clear()
        self.forget(item, delivery.destination)
        self.release(item)
        item.run.settle(delivery.destination, item.index, failed=failed, skipped=skipped, compared=compared)
        if item.done:
            del self.objects[item.object_id]
            self.open_objects -= not item.whole
        else:
            self.stream(item)
        self._finish(item.run)

    def mark(self, run: ShardRun) -> None:
        """Tell what is new of *run*."""
        for destination in run.progress:
            if (fields := run.mark(destination, confirmed_bytes(self.objects.values(), run, destination))) is not None:
                self.actions.append(Tell("mark", fields))

    def lane(self, item: InFlight, destination: int) -> Lane:
        """Return what is under way to where *item* goes."""
        return self.lanes.setdefault((item.run.shard.partition, destination), Lane())

    def _finish(self, run: ShardRun) -> None:
        if run.done and self.runs.pop(run.shard.shard_id, None) is not None:
            self.mark(run)
            self.actions.append(Tell("shard_done", {"shard_id": run.shard.shard_id}))

    def _hold(self, item: InFlight, number: int) -> None:
        if number not in item.unsettled:
            item.unsettled.add(number)
            self.held_pieces += 1
            self.held_bytes += item.chunk(number).size_bytes

    def _take_again(self) -> Work | None:
        tasks: list[Task] = []
        size_bytes = 0
        first: tuple[str, tuple[int, ...]] | None = None
        for key, item, destinations in self._repeats():
            task = _task(item, item.chunk(key[1]), destinations)
            size_bytes += task.chunk.size_bytes
            target = (item.run.shard.partition, destinations)
            alone = not item.whole or size_bytes > self.settings.batch_bytes
            if tasks and (alone or target != first or len(tasks) >= self.settings.batch_objects):
                break
            first = first or target
            tasks.append(task)
            del self._again[key]
            item.attempts[key[1]] = item.attempts.get(key[1], 0) + 1
            if alone:
                break
        if first is None:
            return None
        attempt = max(task.item.attempts[task.chunk.number] for task in tasks)
        return Work(partition=first[0], tasks=tuple(tasks), destinations=first[1], attempt=attempt)

    def _repeats(self) -> Iterator[tuple[tuple[str, int], InFlight, tuple[int, ...]]]:
        for key, wanted in list(itertools.islice(self._again.items(), self.settings.batch_objects + 1)):
            item = self.objects.get(key[0])
            destinations = () if item is None else tuple(sorted(wanted.intersection(item.lacking(key[1]))))
            if item is None or not destinations:
                del self._again[key]  # answered after all
            else:
                yield key, item, destinations

    def _take_chunk(self) -> Work | None:
        while self._streaming:
            item = self._streaming[0]
            if item.done or item.opening or item.next_chunk >= len(item.chunks):
                self._streaming.popleft()
                continue
            chunk = item.chunks[item.next_chunk]
            if not self.has_room(chunk.size_bytes, 1):
                return None
            item.next_chunk += 1
            destinations = item.lacking(chunk.number)
            self._hold(item, chunk.number)
            # the objects that are open take turns, so that no one upload stays open longer than it must
            self._streaming.rotate(-1)
            return Work(item.run.shard.partition, (_task(item, chunk, destinations),), destinations, attempt=0)
        return None

    def _take_batch(self) -> Work | None:
        while self._batches:
            tasks = tuple(_task(item, item.chunks[0], ()) for item in self._batches.popleft() if not item.done)
            if tasks:
                shard = tasks[0].item.run.shard
                return Work(shard.partition, tasks, shard.destinations, attempt=0)
        return None


def _task(item: InFlight, chunk: Chunk, destinations: Sequence[int]) -> Task:
    tokens = {destination: item.deliveries[destination].token for destination in destinations if not item.whole}
    return Task(item, chunk, tokens)
