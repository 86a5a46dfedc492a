"""One object on its way: what has been sent where, and what has come back. Pure state, no threads, no clock."""

from __future__ import annotations

import enum
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.chunk import Chunk
from gateway.delivery.letters import COMPLETING, OPENING, Letter, Refused
from gateway.journal import Progress
from gateway.shard import Entry, Shard
from gateway.stores.base import Attributes, Part
from gateway.wire.codecs import combine_crc64nvme


class Stage(enum.Enum):
    """How far an object is at one destination."""

    OPENING = enum.auto()
    SENDING = enum.auto()
    COMPLETING = enum.auto()
    DONE = enum.auto()


@dataclass(slots=True)
class Delivery:
    """
    One object for one destination.

    ``attempt`` numbers the questions to owners, so that a late answer is recognised; ``failures`` counts what
    went wrong with them. ``receipts`` has the parts that the store has.
    """

    destination: int
    stage: Stage
    owner: str = ""
    attempt: int = 0
    failures: int = 0
    token: str = ""
    destination_key: str = ""
    if_absent: bool = False
    receipts: dict[int, Part] = field(default_factory=dict)

    def lacks(self, number: int) -> bool:
        """Return whether chunk *number* still has to arrive here."""
        return self.stage is Stage.SENDING and number not in self.receipts


@dataclass(slots=True)
class ShardRun:
    """A shard that is being worked on: its progress per destination and what the next marks will say."""

    shard: Shard
    progress: dict[int, Progress]
    news: dict[int, News]

    @classmethod
    def begin(cls, shard: Shard) -> ShardRun:
        """Return *shard* with nothing done."""
        return cls(
            shard=shard,
            progress={destination: Progress(len(shard.entries)) for destination in shard.destinations},
            news={destination: News() for destination in shard.destinations},
        )

    @property
    def done(self) -> bool:
        """Whether every entry is settled at every destination."""
        return all(progress.done for progress in self.progress.values())

    def settle(
        self, destination: int, index: int, *, failed: str = "", skipped: bool = False, compared: bool = False
    ) -> None:
        """Note that the entry at *index* is settled at *destination*."""
        if not self.progress[destination].settle(index, failed=failed):
            return
        news = self.news[destination]
        news.changed = True
        news.settled.append(index)
        if skipped:
            news.skipped += 1
        elif not failed:
            news.objects += 1
            news.compared += compared
            news.size_bytes += self.shard.entries[index].size_bytes

    def mark(self, destination: int, partial_bytes: int = 0) -> dict[str, Any] | None:
        """
        Return the fields of a mark event with what is new at *destination*, None where nothing is.

        *partial_bytes* are those that the destination has of objects which are not complete.
        """
        news, progress = self.news[destination], self.progress[destination]
        if not news.changed and partial_bytes == news.partial_bytes:
            return None
        self.news[destination] = News(partial_bytes=partial_bytes)
        entries = self.shard.entries
        return {
            "shard_id": self.shard.shard_id,
            "destination": destination,
            "watermark": entries[progress.watermark - 1].key if progress.watermark else None,
            "beyond": [entries[index].key for index in sorted(news.settled) if index >= progress.watermark],
            "objects": news.objects,
            "bytes": news.size_bytes,
            "skipped": news.skipped,
            "compared": news.compared,
            "partial_bytes": partial_bytes,
        }


@dataclass(slots=True)
class News:
    """What has happened at one destination since the last mark; ``settled`` holds at most the shard's indexes."""

    changed: bool = False
    settled: list[int] = field(default_factory=list)
    objects: int = 0
    size_bytes: int = 0
    skipped: int = 0
    compared: int = 0
    partial_bytes: int = 0


@dataclass(slots=True, eq=False)
class InFlight:
    """
    One object between the listing and its last receipt.

    Some 1.5 KiB, and 300 B more per chunk and destination of an object that is cut.
    ``unsettled`` are the chunks that were taken and lack a receipt somewhere.
    """

    object_id: str
    run: ShardRun
    index: int
    chunks: Sequence[Chunk]
    deliveries: dict[int, Delivery]
    attributes: Attributes = field(default_factory=Attributes)
    expected_crc: int | None = None
    crcs: dict[int, int] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    failures: dict[tuple[int, int], int] = field(default_factory=dict)
    unsettled: set[int] = field(default_factory=set)
    next_chunk: int = 0

    @property
    def entry(self) -> Entry:
        """The object as the listing had it."""
        return self.run.shard.entries[self.index]

    @property
    def whole(self) -> bool:
        """Whether the object travels in one piece and needs no opening."""
        return self.chunks[0].number == 0

    @property
    def opening(self) -> bool:
        """Whether a destination has not answered yet, so that a chunk read now would have to be read again."""
        return any(delivery.stage is Stage.OPENING for delivery in self.deliveries.values())

    @property
    def done(self) -> bool:
        """Whether no destination waits for anything."""
        return all(delivery.stage is Stage.DONE for delivery in self.deliveries.values())

    def chunk(self, number: int) -> Chunk:
        """Return the chunk with *number*."""
        return self.chunks[max(number - 1, 0)]

    def has(self, number: int) -> bool:
        """Return whether the object has a chunk of that *number*."""
        return number == 0 if self.whole else 1 <= number <= len(self.chunks)

    @property
    def combined_crc(self) -> int:
        """The digest of the whole object, from those of its chunks, all of which were read."""
        return functools.reduce(
            lambda crc, chunk: combine_crc64nvme(crc, self.crcs[chunk.number], chunk.size_bytes), self.chunks, 0
        )

    def concerns(self, letter: Refused) -> bool:
        """Return whether *letter* refuses what is asked or sent now, and not an earlier attempt of it."""
        delivery = self.deliveries[letter.destination]
        if letter.number == OPENING:
            return delivery.stage is Stage.OPENING and delivery.attempt == letter.attempt
        if letter.number == COMPLETING:
            return delivery.stage is Stage.COMPLETING and delivery.attempt == letter.attempt
        return self.has(letter.number) and delivery.lacks(letter.number) and letter.token == delivery.token

    def lacking(self, number: int) -> tuple[int, ...]:
        """Return the destinations where chunk *number* still has to arrive."""
        return tuple(sorted(item.destination for item in self.deliveries.values() if item.lacks(number)))


@dataclass(slots=True)
class Lane:
    """
    What was sent to one destination of one partition and has no receipt, oldest first.

    A piece may wait long in the queues of a slow way. So it counts as lost only when its time is up and either
    nothing has arrived for as long, or something has that was sent that much later.
    """

    sent: OrderedDict[tuple[str, int], float] = field(default_factory=OrderedDict)
    arrived_at: float = 0.0
    newest_arrival: float = 0.0

    def arrive(self, key: tuple[str, int], now: float) -> None:
        """Note that a piece (object id, chunk number) is confirmed."""
        sent_at = self.sent.pop(key, None)
        self.arrived_at = now
        if sent_at is not None:
            self.newest_arrival = max(self.newest_arrival, sent_at)

    def deadline(self, timeout_s: float) -> float | None:
        """Return when the oldest piece counts as lost if nothing happens, None if nothing is under way."""
        sent_at = next(iter(self.sent.values()), None)
        if sent_at is None:
            return None
        overtaken = self.newest_arrival >= sent_at + timeout_s
        return sent_at + timeout_s if overtaken else max(sent_at, self.arrived_at) + timeout_s


@dataclass(frozen=True, slots=True)
class Task:
    """One piece to read: an object, one of its chunks, and per destination the upload it goes into."""

    item: InFlight
    chunk: Chunk
    tokens: dict[int, str]

    @property
    def again(self) -> bool:
        """Whether an earlier attempt of this transfer may have written the piece already."""
        return self.item.run.shard.again or self.item.attempts.get(self.chunk.number, 0) > 0


@dataclass(frozen=True, slots=True)
class Work:
    """What becomes one frame: pieces of the same partition for the same destinations."""

    partition: str
    tasks: tuple[Task, ...]
    destinations: tuple[int, ...]
    attempt: int

    @property
    def size_bytes(self) -> int:
        """The bytes of all pieces."""
        return sum(task.chunk.size_bytes for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Say:
    """Send *letter* to gateway *to*."""

    to: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Tell:
    """Emit an event."""

    kind: str
    fields: dict[str, Any]


def choose_owner(key: str, destination: int, sinks: Sequence[str], dead: Collection[str], turn: int) -> str:
    """
    Return the sink that owns *key* at *destination*: rendezvous hashing, so that a lost sink moves only its objects.

    *turn* counts the failures so far: each goes to the next in rank. Where all sinks are *dead* one of them is
    named nevertheless; what is asked of it waits for its return or times out.
    """

    def weight(sink: str) -> bytes:
        return hashlib.blake2b(f"{sink}\0{destination}\0{key}".encode(), digest_size=8).digest()

    ranked = sorted((sink for sink in sinks if sink not in dead), key=weight) or sorted(sinks, key=weight)
    return ranked[turn % len(ranked)]


def confirmed_bytes(items: Iterable[InFlight], run: ShardRun, destination: int) -> int:
    """Return the bytes that *destination* has of the objects of *run* that are cut and not complete."""
    return sum(
        part.size_bytes
        for item in items
        if item.run is run and not item.whole and destination in item.deliveries
        for part in item.deliveries[destination].receipts.values()
    )
