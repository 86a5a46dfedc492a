from __future__ import annotations

from threading import Thread

from gateway.shard import Entry, Shard
from gateway.units import GIB, MIB
from skytf.shards import Handed, PendingShards, cut_shards, shard_bytes_for


def entry(key: str, size_bytes: int = 1) -> Entry:
    return Entry(key, key, size_bytes, "v")


def shard(*keys: str, destinations: tuple[int, ...] = (0,)) -> Shard:
    return Shard("job-0/r/0", "job-0", tuple(entry(key) for key in keys), destinations)


def cut(entries: list[Entry], **options: object) -> list[Shard]:
    defaults = {"partition": "job-0", "destinations": (0,), "shard_bytes": 100, "run": "r"}
    return list(cut_shards(entries, **{**defaults, **options}))  # type: ignore[arg-type]  # options are keywords


def test_a_shard_ends_at_its_bytes_or_at_its_entries() -> None:
    by_bytes = cut([entry("a", 60), entry("b", 60), entry("c", 10)])
    by_entries = cut([entry(str(n)) for n in range(5)], max_entries=2)

    assert [[one.key for one in found.entries] for found in by_bytes] == [["a"], ["b", "c"]]
    assert [len(found.entries) for found in by_entries] == [2, 2, 1]


def test_an_object_larger_than_a_shard_is_a_shard() -> None:
    assert [len(found.entries) for found in cut([entry("a", 1000), entry("b", 1000)])] == [1, 1]


def test_shard_ids_differ_between_runs() -> None:
    entries = [entry("a", 60), entry("b", 60)]

    ids = {found.shard_id for run in ("r1", "r2") for found in cut(entries, run=run)}

    assert len(ids) == 4


def test_what_every_destination_has_is_left_out_and_the_rest_goes_where_it_is_missing() -> None:
    missing = {"a": (), "b": (1,), "c": (0, 1)}

    found = cut([entry(key) for key in "abc"], destinations=(0, 1), missing=lambda one: missing[one.key])

    assert [(one.destinations, [e.key for e in one.entries]) for one in found] == [((1,), ["b"]), ((0, 1), ["c"])]


def test_entries_that_an_earlier_run_may_have_written_travel_apart() -> None:
    found = cut([entry("a"), entry("b")], again=lambda one: one.key == "b")

    assert [one.again for one in found] == [False, True]


def test_shard_sizes_give_every_gateway_several() -> None:
    assert shard_bytes_for(10 * GIB, gateways=2) == 640 * MIB
    assert shard_bytes_for(1, gateways=2) == 64 * MIB
    assert shard_bytes_for(200_000 * GIB, gateways=2) == 8 * GIB
    assert shard_bytes_for(GIB, gateways=4, each=64, least_bytes=1) == 4 * MIB
    assert shard_bytes_for(0, gateways=4, each=64, least_bytes=1) == 1


def test_the_remainder_of_a_lost_gateway_is_what_no_mark_covers() -> None:
    handed = Handed(shard("a", "b", "c", "d"), "local-a-0")

    handed.mark(0, "b", ["d"])

    (rest,) = handed.remainder("x")
    assert [one.key for one in rest.entries] == ["c"]
    assert rest.again


def test_the_remainder_is_cut_by_the_destinations_that_lack_it() -> None:
    handed = Handed(shard("a", "b", destinations=(0, 1)), "local-a-0")

    handed.mark(0, "b", [])
    handed.mark(1, "", ["b"])

    (rest,) = handed.remainder("x")
    assert (rest.destinations, [one.key for one in rest.entries]) == ((1,), ["a"])


def test_no_remainder_spans_keys_of_another() -> None:
    handed = Handed(shard("a", "b", "c", destinations=(0, 1)), "local-a-0")

    handed.mark(1, "", ["b"])

    assert [(r.destinations, r.entries[0].key) for r in handed.remainder("x")] == [
        ((0, 1), "a"),
        ((0,), "b"),
        ((0, 1), "c"),
    ]


def test_marks_that_overtake_each_other_lose_nothing() -> None:
    handed = Handed(shard("a", "b", "c"), "local-a-0")

    handed.mark(0, "", ["c"])
    handed.mark(0, "b", [])

    assert list(handed.remainder("x")) == []


def test_the_listing_waits_while_enough_shards_are_pending() -> None:
    pending = PendingShards(limit=1)
    pending.put(shard("a"))
    second = Thread(target=pending.put, args=(shard("b"),))

    second.start()
    taken = [pending.take(), pending.take()]

    second.join(5)
    assert [one.entries[0].key for one in taken if one] == ["a", "b"]


def test_what_is_put_back_goes_first_and_needs_no_place() -> None:
    pending = PendingShards(limit=1)
    pending.put(shard("a"))

    pending.put_back([shard("lost")])

    first = pending.take()
    assert first is not None
    assert first.entries[0].key == "lost"


def test_closing_lets_takers_and_putters_go() -> None:
    pending = PendingShards(limit=1)
    answers: list[object] = []
    taker = Thread(target=lambda: answers.append(pending.take()))
    taker.start()

    pending.close()

    taker.join(5)
    assert answers == [None]
    assert pending.put(shard("a")) is False
