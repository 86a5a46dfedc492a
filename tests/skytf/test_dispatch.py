from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Event as Flag

import pytest

from gateway.shard import Entry, Shard
from skytf.dispatch import Dispatch
from skytf.errors import SkytfError, TransferFailed
from skytf.hooks import Progress
from skytf.monitor.events import Counters, Event, Failed, Mark, ShardDone
from skytf.tally import Goal, Outcome


def shard(name: str, *keys: str) -> Shard:
    return Shard(name, "job-0", tuple(Entry(key, key, 10, "v") for key in keys), (0,))


class Gateway:
    """A gateway that settles what it is handed, unless *react* does something else."""

    def __init__(self, react: Callable[[Gateway, Shard], None] | None = None) -> None:
        self.shards: list[Shard] = []
        self.told: list[str] = []
        self._events: SimpleQueue[Event | Exception | None] = SimpleQueue()
        self._react = react or Gateway.settle

    def settle(self, given: Shard) -> None:
        keys = [entry.key for entry in given.entries]
        self.say(Mark(0, given.shard_id, 0, keys[-1], (), len(keys), given.size_bytes, 0))
        self.say(ShardDone(0, given.shard_id))

    def say(self, event: Event | Exception | None) -> None:
        self._events.put(event)

    def post_shard(self, given: Shard, *, wait_s: float) -> bool:
        self.shards.append(given)
        self._react(self, given)
        return True

    def events(self, after: int = 0) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def lost(self, gateway_id: str) -> None:
        self.told.append(gateway_id)

    def close(self) -> None:
        self.say(None)


class Journal:
    def __init__(self) -> None:
        self.shards: list[str] = []
        self.events: list[Event] = []

    def handed(self, shard: Shard) -> None:
        self.shards.append(shard.shard_id)

    def event(self, event: Event) -> None:
        self.events.append(event)


class Run:
    """One dispatch over fake gateways: sources a0, a1 and sink b0."""

    def __init__(self, **gateways: Gateway) -> None:
        self.gateways = {"a0": Gateway(), "b0": Gateway(), **gateways}
        self.journal = Journal()
        self.progress: list[Progress] = []
        self.failed: list[Failed] = []
        self.warnings: list[str] = []
        sources = tuple(name for name in self.gateways if name.startswith("a"))
        self.dispatch = Dispatch(
            gateways=self.gateways,
            sources={"job-0": sources},
            sinks={("job-0", 0): ("b0",)},
            goals=(Goal("job-0", 0, "/out", objects=3, bytes=30),),
            record=self.journal,
            on_progress=self.progress.append,
            on_failed=lambda _, event: self.failed.append(event),
            on_warning=self.warnings.append,
        )

    def run(self, *shards: Shard) -> Outcome:
        return self.dispatch.run(shards)


def test_every_shard_is_handed_out_journalled_and_counted() -> None:
    run = Run()

    outcome = run.run(shard("s0", "a", "b"), shard("s1", "c"))

    assert run.journal.shards == ["s0", "s1"]
    assert (outcome.tallies["job-0", 0].objects, outcome.tallies["job-0", 0].bytes) == (3, 30)
    assert run.progress[-1].destinations[0].objects_done == 3


def test_nothing_to_hand_out_ends_at_once() -> None:
    assert Run().run().gateways_lost == ()


def test_what_a_lost_source_held_goes_to_another_and_all_are_told() -> None:
    died = Flag()

    def die(gateway: Gateway, given: Shard) -> None:
        gateway.say(Mark(0, given.shard_id, 0, given.entries[0].key, (), 1, 10, 0))
        gateway.say(TransferFailed("gone"))
        died.set()

    def settle_after_the_death(gateway: Gateway, given: Shard) -> None:
        assert died.wait(5)
        gateway.settle(given)

    run = Run(a0=Gateway(die), a1=Gateway(settle_after_the_death))

    outcome = run.run(shard("s0", "a", "b"), shard("s1", "c", "d"), shard("s2", "e", "f"))

    assert outcome.gateways_lost == ("a0",)
    assert run.gateways["b0"].told == ["a0"]
    assert outcome.tallies["job-0", 0].objects == 6
    again = {entry.key for given in run.gateways["a1"].shards if given.again for entry in given.entries}
    marked, unmarked = (entry.key for entry in run.gateways["a0"].shards[0].entries)
    assert unmarked in again
    assert marked not in again


def test_sources_hear_of_a_loss_when_all_others_know() -> None:
    told: list[str] = []
    died = Flag()

    class Listening(Gateway):
        def lost(self, gateway_id: str) -> None:
            told.append("source" if self is survivor else "other")

    def die(gateway: Gateway, given: Shard) -> None:
        gateway.say(TransferFailed("gone"))
        died.set()

    def settle_after_the_death(gateway: Gateway, given: Shard) -> None:
        assert died.wait(5)
        gateway.settle(given)

    survivor = Listening(settle_after_the_death)
    run = Run(a0=Gateway(die), a1=survivor, b0=Listening(), r0=Listening())

    run.run(shard("s0", "a"), shard("s1", "b"), shard("s2", "c"))

    assert told == ["other", "other", "source"]


def test_a_transfer_without_a_source_left_fails_and_says_which() -> None:
    run = Run(a0=Gateway(lambda gateway, _: gateway.say(TransferFailed("gateway a0 is lost: reset"))))

    with pytest.raises(TransferFailed, match="no gateway is left of a0"):
        run.run(shard("s0", "a"))


def test_a_transfer_without_a_sink_left_fails() -> None:
    sink = Gateway()
    sink.say(TransferFailed("gateway b0 is lost: reset"))
    run = Run(a0=Gateway(lambda gateway, given: None), b0=sink)

    with pytest.raises(TransferFailed, match="no gateway is left of b0"):
        run.run(shard("s0", "a"))


def test_a_failed_object_is_reported_and_the_rest_goes_on() -> None:
    def fail_first(gateway: Gateway, given: Shard) -> None:
        gateway.say(Failed(0, given.shard_id, 0, "a", "no right to read /in/a", "look at its rights", "AccessDenied"))
        gateway.settle(given)

    run = Run(a0=Gateway(fail_first))

    outcome = run.run(shard("s0", "a", "b"))

    assert [event.key for event in run.failed] == ["a"]
    assert outcome.tallies["job-0", 0].failed == 1


def test_a_full_disk_ends_the_transfer_at_once() -> None:
    def full(gateway: Gateway, given: Shard) -> None:
        gateway.say(Failed(0, given.shard_id, 0, "a", "/out is full", "make room", "StoreFull"))

    run = Run(a0=Gateway(full))

    with pytest.raises(TransferFailed, match="/out is full"):
        run.run(shard("s0", "a", "b"))


def test_stopping_from_another_thread_ends_the_run_with_that_error() -> None:
    run = Run(a0=Gateway(lambda gateway, given: run.dispatch.stop(SkytfError("told to stop"))))

    with pytest.raises(SkytfError, match="told to stop"):
        run.run(shard("s0", "a"))


def test_the_listing_is_read_only_as_fast_as_the_fleet_takes_shards() -> None:
    listed: list[int] = []
    seen_at_first_post: list[int] = []
    run = Run(a0=Gateway(lambda gateway, given: (seen_at_first_post.append(len(listed)), gateway.settle(given))[0]))

    def endless() -> Iterator[Shard]:
        for number in range(100):
            listed.append(number)
            yield shard(f"s{number}", f"{number:03d}")

    run.dispatch.run(endless())

    assert seen_at_first_post[0] <= 4


def test_a_listing_that_fails_is_the_error_of_the_run() -> None:
    run = Run()

    def broken() -> Iterator[Shard]:
        yield shard("s0", "a")
        raise TransferFailed("the bucket vanished")

    with pytest.raises(TransferFailed, match="the bucket vanished"):
        run.dispatch.run(broken())


def test_resent_frames_are_counted_over_all_gateways() -> None:
    def count(gateway: Gateway, given: Shard) -> None:
        gateway.say(Counters(0, frames_resent=2))
        gateway.settle(given)

    run = Run(a0=Gateway(count))

    assert run.run(shard("s0", "a")).frames_resent == 2


def test_what_each_gateway_counted_is_kept_also_of_a_lost_one() -> None:
    died = Flag()

    def count_and_die(gateway: Gateway, given: Shard) -> None:
        gateway.say(Counters(sent_to={"b0": 70}))
        gateway.say(Counters(sent_to={"b0": 90}))
        gateway.say(TransferFailed("gone"))
        died.set()

    def settle_after_the_death(gateway: Gateway, given: Shard) -> None:
        assert died.wait(5)
        gateway.settle(given)

    run = Run(a0=Gateway(count_and_die), a1=Gateway(settle_after_the_death))

    run.run(shard("s0", "a"), shard("s1", "b"), shard("s2", "c"))

    assert run.dispatch.outcome().gateways_lost == ("a0",)
    assert run.dispatch.totals()["a0"].sent_to == {"b0": 90}
    assert "a1" not in run.dispatch.totals(), "who never said anything"
