"""The notes between the processes of a gateway, and how work and frames become notes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.chunk import Chunk
from gateway.delivery.draft import Draft
from gateway.delivery.inflight import InFlight, ShardRun, Task, Work
from gateway.hands.channel import Failure
from gateway.shard import Entry, Shard
from gateway.wire.frame import Frame, Releasable
from gateway.wire.pool import Pool


class TaskNote(msgspec.Struct, frozen=True, array_like=True):
    """One piece to read: all that `gateway.delivery.inflight.Task` is asked for."""

    object_id: str
    entry: Entry
    chunk: Chunk
    tokens: dict[int, str]
    again: bool

    @classmethod
    def of(cls, task: Task) -> TaskNote:
        """Return *task* as it travels."""
        return cls(task.item.object_id, task.item.entry, task.chunk, task.tokens, task.again)

    def task(self, partition: str) -> Task:
        """Return the task, of an object that has no other chunk and is in a shard of its own."""
        shard = Shard("", partition, (self.entry,), (), self.again)
        item = InFlight(self.object_id, ShardRun.begin(shard), 0, (self.chunk,), {})
        return Task(item, self.chunk, self.tokens)


class WorkNote(msgspec.Struct, frozen=True, array_like=True):
    """Pieces that become one frame; ``source`` is the place of the one that reads them among the gateway's sources."""

    source: int
    partition: str
    destinations: tuple[int, ...]
    attempt: int
    tasks: tuple[TaskNote, ...]

    @classmethod
    def of(cls, work: Work, source: int) -> WorkNote:
        """Return *work* as it travels."""
        return cls(
            source, work.partition, work.destinations, work.attempt, tuple(TaskNote.of(task) for task in work.tasks)
        )

    def work(self) -> Work:
        """Return the work; its tasks know nothing of other chunks of their objects."""
        return Work(
            self.partition, tuple(task.task(self.partition) for task in self.tasks), self.destinations, self.attempt
        )


class FrameNote(msgspec.Struct, frozen=True, array_like=True):
    """
    A sealed frame. ``places`` are its slices in memory that the processes share: pool, offset, length.

    One whose memory is its own travels in ``content``.
    """

    frame_id: bytes
    partition: str
    source: str
    destinations: tuple[int, ...]
    attempt: int
    raw_bytes: int
    salt: bytes
    manifest: bytes
    trailer: bytes
    places: tuple[tuple[int, int, int], ...]
    content: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, frame: Frame, pools: Sequence[Pool]) -> FrameNote:
        """Return *frame*, whose memory must stay its own until the note has done its work."""
        places = tuple(place for view in frame.slices if (place := place_of(view, pools)) is not None)
        shared = len(places) == len(frame.slices)
        return cls(
            frame.frame_id,
            frame.partition,
            frame.source,
            frame.destinations,
            frame.attempt,
            frame.raw_bytes,
            frame.salt,
            frame.manifest,
            frame.trailer,
            places if shared else (),
            () if shared else tuple(bytes(view) for view in frame.slices),
        )

    def frame(self, pools: Sequence[Pool], lease: Releasable | None = None) -> Frame:
        """Return the frame, with *lease* as what its memory is borrowed from."""
        return Frame(
            self.frame_id,
            self.partition,
            self.source,
            self.destinations,
            self.attempt,
            self.raw_bytes,
            self.salt,
            self.manifest,
            slices=[memoryview(one) for one in self.content] or views_of(self.places, pools),
            lease=lease,
            trailer=self.trailer,
        )


def place_of(view: memoryview, pools: Sequence[Pool]) -> tuple[int, int, int] | None:
    """Return where in the arenas of *pools* the bytes of *view* lie; None: in none of them."""
    for number, pool in enumerate(pools):
        if (offset := pool.offset_of(view)) is not None:
            return number, offset, len(view)
    return None


def views_of(places: Sequence[tuple[int, int, int]], pools: Sequence[Pool]) -> list[memoryview]:
    """Return the bytes at *places*."""
    return [pools[number].at(offset, length) for number, offset, length in places]


def draft_note(draft: Draft, sources: Sequence[object]) -> WorkNote:
    """Return the work of *draft*, which one of *sources* (their coordinators) has given out."""
    return WorkNote.of(draft.work, next(n for n, source in enumerate(sources) if source is draft.coordinator))


class LaneNote(msgspec.Struct, frozen=True, array_like=True):
    """To a hand: run this connection, whose socket comes along."""

    lane: int
    peer: str
    sends: bool
    version: int
    sending: bytes
    receiving: bytes


class Send(msgspec.Struct, frozen=True, array_like=True):
    """To a hand: send this on *lane*; ``peers`` are those of the queue that it was in."""

    lane: int
    parcel: int
    peers: tuple[str, ...]
    work: WorkNote | None
    frame: FrameNote | None


class Read(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand, a call: the piece of *parcel* was read, with this digest, and its frame is called so."""

    lane: int
    parcel: int
    crc64nvme: int
    frame_id: bytes


class Unreadable(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: the piece of *parcel* cannot be read."""

    lane: int
    parcel: int
    failure: Failure


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: it needs the memory of *parcel* no more, which did or did not become a ``whole`` frame."""

    lane: int
    parcel: int
    whole: bool


class Acked(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: the peer has this frame."""

    lane: int
    frame_id: bytes


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: the connection is no more, and this broke it."""

    lane: int
    failure: Failure | None


class Reserve(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand, a call: memory for a frame of *raw_bytes* that begins to arrive on *lane*; answered by a `Loan`."""

    lane: int
    raw_bytes: int


class Loan(msgspec.Struct, frozen=True, array_like=True):
    """Memory on loan to a hand; without ``places`` it takes memory of its own."""

    number: int
    places: tuple[tuple[int, int, int], ...]


class Repay(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: it needs that memory no more."""

    loan: int


class Came(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand, a call: a frame in memory on *loan* is here, and is for the first process to hand on."""

    lane: int
    loan: int
    frame: FrameNote


class Said(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: this message is to be sent, as `gateway.wire.records` has it."""

    message: bytes


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """
    Of a hand: all that it has counted so far.

    ``meters`` are chunks, bytes, seconds busy and seconds waiting, in the order of the gateway's meters.
    """

    counters: dict[str, int]
    stores: dict[str, dict[str, int]]
    traffic: dict[str, tuple[int, int]]
    meters: tuple[tuple[int, int, float, float], ...]


class Trouble(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: something went wrong that people want to know (`gateway.delivery.troubles`)."""

    kind: str
    about: str
    error: str
    hint: str


class Crash(msgspec.Struct, frozen=True, array_like=True):
    """Of a hand: a thread of it has died."""

    thread: str
    failure: Failure
