"""The ledger and the dialogue together, without threads, clock or stores."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chunk import cut
from gateway.delivery.dialogue import Dialogue
from gateway.delivery.inflight import Say, Tell, Work
from gateway.delivery.ledger import Ledger, Limits
from gateway.delivery.letters import (
    COMPLETING,
    OPENING,
    Abort,
    Complete,
    Completed,
    Letter,
    Open,
    Opened,
    Receipt,
    Received,
    Refused,
)
from gateway.errors import GatewayError, ObjectMissing, SourceChanged, StoreFull, StoreUnavailable
from gateway.program import Settings
from gateway.shard import Entry, Shard
from gateway.stores.base import Attributes, Head
from gateway.wire.codecs import crc64nvme

SMALL = Settings(chunk_bytes=10, threshold_bytes=20, batch_bytes=100, batch_objects=4, max_attempts=3)
SINKS = {"job": {"0": ("b", "c"), "1": ("d",)}}


@dataclass
class World:
    """A dialogue, and all that it said."""

    limits: Limits = field(default_factory=lambda: Limits(receipt_timeout_s=100))
    now: float = 0.0

    def __post_init__(self) -> None:
        self.ledger = Ledger(SMALL, self.limits)
        self.dialogue = Dialogue(self.ledger, SINKS)
        self.events: list[Tell] = []

    def begin(self, *sizes: int, destinations: tuple[int, ...] = (0,)) -> None:
        """Start a shard with objects of *sizes*; small ones go into one batch each."""
        entries = tuple(Entry(f"k{n}", f"k{n}", size, "v") for n, size in enumerate(sizes))
        run = self.ledger.begin(Shard("s", "job", entries, destinations))
        for index, entry in enumerate(entries):
            chunks = cut(entry.size_bytes, chunk_bytes=10, threshold_bytes=20)
            if chunks[0].number:
                head = Head(entry.key, entry.size_bytes, "v", Attributes(), 0.0)
                self.dialogue.admit(run, index, chunks, head, self.now)
            else:
                self.ledger.admit_batch(run, [index])

    def says(self) -> list[Say]:
        """Return the letters since the last call, and keep the events."""
        actions, self.ledger.actions = self.ledger.actions, []
        self.events += [action for action in actions if isinstance(action, Tell)]
        return [action for action in actions if isinstance(action, Say)]

    def told(self, kind: str) -> list[dict[str, Any]]:
        self.says()
        return [event.fields for event in self.events if event.kind == kind]

    def hear(self, letter: Letter, sender: str = "b") -> None:
        self.dialogue.answer(sender, letter, self.now)

    def take(self) -> Work:
        """Take, read and send the next work."""
        work = self.try_take()
        assert work is not None
        return work

    def take_all(self) -> list[Work]:
        found = []
        while (work := self.try_take()) is not None:
            found.append(work)
        return found

    def try_take(self) -> Work | None:
        work = self.ledger.take()
        if work is not None:
            for task in work.tasks:
                self.ledger.read(task, crc_of(task.chunk.offset, task.chunk.size_bytes))
            self.ledger.sent(work, self.now)
        return work

    def open_all(self, sender: str = "b") -> list[Say]:
        """Answer every question to open."""
        asked = [say for say in self.says() if isinstance(say.letter, Open)]
        for say in asked:
            self.hear(opened(say), say.to)
        return asked


def crc_of(offset: int, size_bytes: int) -> int:
    return crc64nvme(bytes(n % 251 for n in range(offset, offset + size_bytes)))


def opened(say: Say, *, skipped: bool = False) -> Opened:
    letter = say.letter
    assert isinstance(letter, Open)
    token = "" if skipped else f"{say.to}-{letter.object_id}-{letter.attempt}"
    return Opened(
        partition="job",
        destination=letter.destination,
        object_id=letter.object_id,
        attempt=letter.attempt,
        destination_key=f"to/{letter.key}",
        token=token,
        if_absent=False,
        skipped=skipped,
    )


def receipts(work: Work, destination: int = 0, *, crc_error: int = 0, skipped: bool = False) -> Receipt:
    items = tuple(
        Received(
            object_id=task.item.object_id,
            number=task.chunk.number,
            etag=f"e{task.chunk.number}",
            size_bytes=task.chunk.size_bytes,
            crc64nvme=crc_of(task.chunk.offset, task.chunk.size_bytes) ^ crc_error,
            token=task.tokens.get(destination, ""),
            skipped=skipped,
        )
        for task in work.tasks
    )
    return Receipt(partition="job", destination=destination, items=items)


def completed(say: Say, *, crc: int | None = None, size_bytes: int | None = None) -> Completed:
    letter = say.letter
    assert isinstance(letter, Complete)
    return Completed(
        partition="job",
        destination=letter.destination,
        object_id=letter.object_id,
        attempt=letter.attempt,
        size_bytes=letter.size_bytes if size_bytes is None else size_bytes,
        crc64nvme=crc,
        skipped=False,
    )


def refused(say_or_work: Say | Work, error: GatewayError) -> Refused:
    if isinstance(say_or_work, Say):
        letter = say_or_work.letter
        assert isinstance(letter, Open | Complete)
        number = OPENING if isinstance(letter, Open) else COMPLETING
        object_id, attempt, token, destination = letter.object_id, letter.attempt, "", letter.destination
    else:
        task = say_or_work.tasks[0]
        number, object_id, attempt = task.chunk.number, task.item.object_id, say_or_work.attempt
        token, destination = task.tokens.get(0, ""), 0
    return Refused(
        partition="job",
        destination=destination,
        object_id=object_id,
        number=number,
        attempt=attempt,
        token=token,
        error=type(error).__name__,
        message=str(error),
        hint="",
        retryable=error.retryable,
    )


def test_a_small_object_is_done_with_its_receipt() -> None:
    world = World()
    world.begin(5)

    world.hear(receipts(world.take()))

    assert [mark["objects"] for mark in world.told("mark")] == [1]
    assert world.told("shard_done") == [{"shard_id": "s"}]
    assert (world.ledger.objects, world.ledger.held_pieces, world.ledger.held_bytes) == ({}, 0, 0)


def test_a_large_object_is_opened_sent_completed_and_only_then_done() -> None:
    world = World()
    world.begin(35)
    assert world.ledger.take() is None

    (asked,) = world.open_all()
    works = world.take_all()
    for work in works[:-1]:
        world.hear(receipts(work))
    assert world.says() == []
    world.hear(receipts(works[-1]))
    (complete,) = world.says()
    assert world.told("shard_done") == []
    world.hear(completed(complete, crc=crc_of(0, 35)))

    assert complete.to == asked.to
    assert isinstance(complete.letter, Complete)
    assert [part[0] for part in complete.letter.parts] == [1, 2, 3, 4]
    assert complete.letter.crc64nvme == crc_of(0, 35)
    assert len(world.told("opened")) == len(world.told("closed")) == len(world.told("shard_done")) == 1


@pytest.mark.parametrize("wrong", [{"crc": 1}, {"size_bytes": 34}])
def test_an_object_that_stands_there_otherwise_has_failed(wrong: dict[str, int]) -> None:
    world = World()
    world.begin(35)
    world.open_all()
    for work in world.take_all():
        world.hear(receipts(work))

    world.hear(completed(world.says()[0], **wrong))

    assert [fields["code"] for fields in world.told("failed")] == ["IntegrityError"]


def test_a_receipt_of_other_bytes_is_no_receipt() -> None:
    world = World()
    world.begin(5)

    world.hear(receipts(world.take(), crc_error=1))

    assert world.told("mark") == []
    assert world.take().attempt == 1


def test_duplicates_and_strangers_change_nothing() -> None:
    world = World()
    world.begin(35)
    world.open_all()
    works = world.take_all()

    for _ in range(3):
        for work in works[:-1]:
            world.hear(receipts(work))

    assert not [say for say in world.says() if isinstance(say.letter, Complete)]
    assert world.ledger.held_pieces == 1


def test_an_opening_that_is_told_twice_is_not_aborted() -> None:
    world = World()
    world.begin(35)
    (asked,) = world.open_all()

    world.hear(opened(asked), asked.to)

    assert not [say for say in world.says() if isinstance(say.letter, Abort)]


def test_a_second_upload_for_one_question_is_aborted() -> None:
    world = World()
    world.begin(35)
    (asked,) = world.open_all()

    world.hear(msgspec.structs.replace(opened(asked), token="another"), asked.to)

    (say,) = world.says()
    assert isinstance(say.letter, Abort)
    assert say.letter.token == "another"


def test_a_refused_piece_is_sent_again_until_it_has_been_enough() -> None:
    world = World()
    world.begin(5)

    attempts = []
    for _ in range(SMALL.max_attempts):
        work = world.take()
        attempts.append(work.attempt)
        world.hear(refused(work, StoreUnavailable("busy")))

    assert attempts == [0, 1, 2]
    assert world.ledger.take() is None
    (failed,) = world.told("failed")
    assert "busy" in failed["error"]
    assert world.told("shard_done")


def test_what_can_never_succeed_fails_at_once_and_is_aborted() -> None:
    world = World()
    world.begin(35, 5)
    world.open_all()
    works = world.take_all()

    world.hear(refused(works[0], StoreFull("disk full")))
    world.hear(receipts(works[-1]))

    assert [type(say.letter) for say in world.says()] == [Abort]
    assert [fields["key"] for fields in world.told("failed")] == ["k0"]
    assert world.told("closed")
    assert world.told("shard_done")


def test_silence_is_answered_by_a_repeat() -> None:
    world = World()
    world.begin(5)
    world.take()

    due = world.dialogue.expire(world.now)
    world.now = 99.9
    world.dialogue.expire(world.now)
    early = world.ledger.take()
    world.now = 100.0
    world.dialogue.expire(world.now)

    assert due == 100.0
    assert early is None
    assert world.take().attempt == 1


def test_a_slow_way_that_makes_progress_is_not_flooded_with_repeats() -> None:
    world = World()
    world.begin(5, 5, 5)
    first, second, _ = world.take_all()

    world.now = 90.0
    world.hear(receipts(first))
    world.now = 150.0
    due = world.dialogue.expire(world.now)
    early = world.ledger.take()
    world.hear(receipts(second))
    world.now = 250.0
    world.dialogue.expire(world.now)

    assert due == 190.0
    assert early is None
    assert world.take().attempt == 1


def test_an_owner_that_says_nothing_is_replaced() -> None:
    world = World()
    world.begin(35)
    (first,) = world.says()

    world.now = 100.0
    world.dialogue.expire(world.now)
    (second,) = world.says()
    world.hear(opened(first), first.to)

    assert {first.to, second.to} == {"b", "c"}
    assert [(say.to, type(say.letter)) for say in world.says()] == [(first.to, Abort)]
    world.hear(opened(second), second.to)
    assert world.take()


def test_nothing_is_repeated_for_ever() -> None:
    world = World()
    world.begin(5, 35)

    for _ in range(20):
        world.take_all()
        world.says()
        world.now += 1000
        world.dialogue.expire(world.now)

    assert len(world.told("failed")) == 2
    assert world.told("shard_done")
    assert world.dialogue.expire(world.now) is None


def test_a_lost_sink_is_done_without() -> None:
    world = World()
    world.begin(35, 5)
    (asked,) = world.open_all()
    works = world.take_all()
    world.hear(receipts(works[0]))
    other = {"b": "c", "c": "b"}[asked.to]

    world.dialogue.lost(asked.to, world.now)
    repeats = world.take_all()
    for work in repeats:
        world.hear(receipts(work), other)
    (complete,) = world.says()

    assert complete.to == other
    assert {task.chunk.number for work in repeats for task in work.tasks} == {0, 2, 3, 4}
    assert all(work.attempt == 1 for work in repeats)


def test_what_was_sent_while_nobody_listened_is_sent_again_at_once() -> None:
    """A queue whose peers are all dead drops what it is given."""
    world = World()
    world.begin(5, 35)
    for sink in ("b", "c"):
        world.dialogue.lost(sink, world.now)
    world.take_all()
    asked = [say.to for say in world.says() if isinstance(say.letter, Open)]

    world.dialogue.found(asked[-1], world.now)

    assert [task.item.entry.key for task in world.take().tasks] == ["k0"]
    assert [(say.to, type(say.letter)) for say in world.says()] == [(asked[-1], Open)]


def test_a_sink_that_comes_back_beside_another_makes_no_repeats() -> None:
    world = World()
    world.begin(5)
    world.dialogue.lost("b", world.now)
    world.take_all()

    world.dialogue.found("b", world.now)

    assert world.ledger.take() is None


def test_an_opening_at_a_lost_sink_is_asked_of_another() -> None:
    world = World()
    world.begin(35)
    (asked,) = world.says()

    world.dialogue.lost(asked.to, world.now)

    (again,) = world.says()
    assert again.to != asked.to
    assert isinstance(again.letter, Open)
    assert again.letter.again


def test_completing_at_a_lost_sink_is_asked_of_another() -> None:
    world = World()
    world.begin(35)
    world.open_all()
    for work in world.take_all():
        world.hear(receipts(work))
    (first,) = world.says()

    world.dialogue.lost(first.to, world.now)
    (second,) = world.says()
    world.hear(completed(first), first.to)
    late = world.told("shard_done")
    world.hear(completed(second), second.to)

    assert second.to != first.to
    assert late == []
    assert world.told("shard_done")


def test_questions_that_a_lost_relay_may_have_held_are_asked_again() -> None:
    world = World()
    world.begin(35, 35)
    opening, completing = world.says()
    world.hear(opened(completing), completing.to)
    for work in world.take_all():
        world.hear(receipts(work), completing.to)
    world.says()

    world.dialogue.lost("a relay", world.now)

    again = world.says()
    assert {type(one.letter) for one in again} == {Open, Complete}
    assert {one.to for one in again} == {opening.to, completing.to}


def test_an_upload_that_is_gone_is_opened_anew_and_sent_from_the_start() -> None:
    world = World()
    world.begin(35)
    world.open_all()
    works = world.take_all()
    world.hear(receipts(works[0]))

    world.hear(refused(works[1], ObjectMissing("no such upload")))
    world.open_all()
    repeats = world.take_all()
    world.hear(receipts(works[2]))  # for the upload that is gone
    for work in repeats:
        world.hear(receipts(work))
    complete = [say for say in world.says() if isinstance(say.letter, Complete)]

    assert [work.tasks[0].chunk.number for work in repeats] == [1, 2, 3, 4]
    assert len(complete) == 1


def test_a_repeat_goes_only_where_the_receipt_is_missing() -> None:
    world = World()
    world.begin(5, destinations=(0, 1))
    work = world.take()

    world.hear(receipts(work, destination=1))
    world.hear(refused(work, StoreUnavailable("busy")))

    assert work.destinations == (0, 1)
    assert world.take().destinations == (0,)


def test_chunks_wait_until_every_destination_has_answered() -> None:
    world = World()
    world.begin(35, destinations=(0, 1))
    first, second = world.says()

    world.hear(opened(first), first.to)
    early = world.ledger.take()
    world.hear(opened(second, skipped=True), second.to)

    assert early is None
    assert world.take().destinations == (0,)


def test_a_source_that_changed_between_two_reads_is_found_out() -> None:
    world = World()
    world.begin(5)
    work = world.take()

    with pytest.raises(SourceChanged, match="k0"):
        world.ledger.read(work.tasks[0], 12345)


def test_skipped_objects_are_settled_and_counted() -> None:
    world = World()
    world.begin(5)

    world.hear(receipts(world.take(), skipped=True))

    (mark,) = world.told("mark")
    assert (mark["objects"], mark["skipped"], mark["watermark"]) == (0, 1, "k0")


def test_the_window_bounds_what_is_not_settled() -> None:
    world = World(limits=Limits(size_bytes=25, receipt_timeout_s=100))
    world.begin(1000)
    world.open_all()

    works = world.take_all()
    world.hear(receipts(works[0]))

    assert len(works) == 2
    assert len(world.take_all()) == 1
    assert world.ledger.held_bytes == 20


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(0, 60), max_size=6))
def test_whatever_goes_wrong_every_object_is_settled_once(seed: int, sizes: list[int]) -> None:
    """Letters are lost, doubled, delayed and refused, gateways come and go; in the end all is accounted for."""
    rng, world = random.Random(seed), World(limits=Limits(size_bytes=40, receipt_timeout_s=10))
    world.begin(*sizes, destinations=(0, 1))
    inbox: list[tuple[str, Letter]] = []

    for _ in range(3000):
        if not world.ledger.runs:
            break
        _answers_of(world, rng, inbox)
        if inbox and rng.random() < 0.7:
            sender, letter = inbox[rng.randrange(len(inbox))]
            if rng.random() < 0.8:
                inbox.remove((sender, letter))
            world.hear(letter, sender)
        if rng.random() < 0.05:
            world.dialogue.lost(rng.choice("bcd"), world.now)
        if rng.random() < 0.05:
            world.dialogue.found(rng.choice("bcd"), world.now)
        world.now += rng.random() * 2
        world.dialogue.expire(world.now)

    marks = world.told("mark")
    assert len(world.told("shard_done")) == 1
    assert sum(m["objects"] for m in marks) + len(world.told("failed")) == 2 * len(sizes)
    assert (world.ledger.objects, world.ledger.held_pieces, world.ledger.held_bytes) == ({}, 0, 0)
    assert world.ledger.open_objects == 0
    assert not any(lane.sent for lane in world.ledger.lanes.values())
    assert sorted(e["token"] for e in world.told("opened")) == sorted(e["token"] for e in world.told("closed"))


def _answers_of(world: World, rng: random.Random, inbox: list[tuple[str, Letter]]) -> None:
    for say in world.says():
        if isinstance(say.letter, Open | Complete) and rng.random() < 0.9:
            answer = opened(say) if isinstance(say.letter, Open) else completed(say)
            inbox.append((say.to, refused(say, StoreUnavailable("busy")) if rng.random() < 0.1 else answer))
    work = world.try_take()
    if work is not None:
        for destination in work.destinations:
            if rng.random() < 0.9:
                inbox.append(("b", receipts(work, destination)))
        if rng.random() < 0.1 and 0 in work.destinations:
            inbox.append(
                ("b", refused(work, ObjectMissing("gone") if rng.random() < 0.5 else StoreUnavailable("busy")))
            )
