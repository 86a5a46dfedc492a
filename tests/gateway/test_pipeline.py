from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.draft import Draft
from gateway.delivery.inflight import Work
from gateway.delivery.ledger import Limits
from gateway.errors import BadProgram, Stopped
from gateway.operators.gen_data import Generated
from gateway.program import Program, Step
from gateway.shard import Entry, Shard
from gateway.units import KIB, MIB
from gateway.wire.frame import Frame
from gateway.wire.pool import Pool
from tests.gateway.pipelines import (
    SMALL,
    Fleet,
    fill,
    gateway,
    read_step,
    send_step,
    settled,
    shard_of,
    tree,
    write_step,
)


def source_and_sink(target: Path) -> tuple[Program, Program]:
    return (
        gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)}),
        gateway("b", Step("receive", children=(write_step(target),)), dialled_by=["a"]),
    )


def test_a_directory_arrives_byte_for_byte(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    shard = shard_of(tmp_path / "from")

    with Fleet(*source_and_sink(tmp_path / "to")) as fleet:
        events = fleet.move("a", shard)

        assert tree(tmp_path / "to") == tree(tmp_path / "from")
        marks = settled(events, "mark")
        assert sum(mark["objects"] for mark in marks) == len(shard.entries)
        assert sum(mark["bytes"] for mark in marks) == shard.size_bytes
        assert marks[-1]["watermark"] == shard.entries[-1].key
        assert not settled(events, "failed")
        assert len(settled(events, "opened")) == len(settled(events, "closed")) == 2
        assert fleet["a"].state == "idle"


def test_mtime_arrives_with_the_object(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=1)
    for path in (tmp_path / "from" / "large0", tmp_path / "from" / "empty"):
        os.utime(path, (1_000_000_000, 1_000_000_000))

    with Fleet(*source_and_sink(tmp_path / "to")) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))

    assert (tmp_path / "to" / "large0").stat().st_mtime == 1_000_000_000
    assert (tmp_path / "to" / "empty").stat().st_mtime == 1_000_000_000


def test_a_relay_forwards_both_ways(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    programs = (
        gateway("a", read_step(send_step("r")), dials=["r"], routes={"b": ("r",), "r": ("r",)}, sinks={"0": ("b",)}),
        gateway("r", Step("receive", children=(send_step("b"),)), dials=["b"], dialled_by=["a"]),
        gateway("b", Step("receive", children=(write_step(tmp_path / "to"),)), dialled_by=["r"], routes={"a": ("r",)}),
    )

    with Fleet(*programs) as fleet:
        events = fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not settled(events, "failed")


def test_one_read_serves_several_destinations(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    tree_of_steps = read_step(Step("mux_and", children=(send_step("b"), send_step("c", "d", destinations=(1,)))))
    programs = (
        gateway("a", tree_of_steps, dials=["b", "c", "d"], sinks={"0": ("b",), "1": ("c", "d")}),
        gateway("b", Step("receive", children=(write_step(tmp_path / "b"),)), dialled_by=["a"]),
        gateway("c", Step("receive", children=(write_step(tmp_path / "cd", 1),)), dialled_by=["a"]),
        gateway("d", Step("receive", children=(write_step(tmp_path / "cd", 1),)), dialled_by=["a"]),
    )
    shard = shard_of(tmp_path / "from", destinations=(0, 1))

    with Fleet(*programs) as fleet:
        events = fleet.move("a", shard)

        assert fleet["a"].counters.read()["bytes_read"] == shard.size_bytes
    assert tree(tmp_path / "b") == tree(tmp_path / "cd") == tree(tmp_path / "from")
    assert not settled(events, "failed")


def test_a_source_can_be_the_sink(tmp_path: Path) -> None:
    fill(tmp_path / "from")

    with Fleet(gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)})) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")


def test_branches_of_a_mux_or_compete_also_when_one_writes_here(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    branches = Step("mux_or", {}, (0,), (write_step(tmp_path / "to"), send_step("b")))
    programs = (
        gateway("a", read_step(branches), dials=["b"], sinks={"0": ("a", "b")}),
        gateway("b", Step("receive", children=(write_step(tmp_path / "to"),)), dialled_by=["a"]),
    )

    with Fleet(*programs) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")


def test_made_up_objects_are_confirmed_without_a_store() -> None:
    entries = tuple(Entry(f"k{n}", f"k{n}", size, "") for n, size in enumerate([0, 1, 50_000, 400_000]))
    head = Step("gen_data", {"seed": 7}, children=(send_step("b"),))
    programs = (
        gateway("a", head, dials=["b"], sinks={"0": ("b",)}),
        gateway("b", Step("receive", children=(Step("discard", {"destination": 0}),)), dialled_by=["a"]),
    )

    with Fleet(*programs) as fleet:
        events = fleet.move("a", Shard("s", "job", entries, (0,)))

        assert fleet["b"].counters.read()["bytes_written"] == 450_001
    assert sum(mark["objects"] for mark in settled(events, "mark")) == 4


def test_what_is_made_up_can_be_checked(tmp_path: Path) -> None:
    entries = tuple(Entry(f"k{n}", f"k{n}", size, "") for n, size in enumerate([70_000, 300_000]))
    head = Step("gen_data", {"seed": 7}, children=(write_step(tmp_path / "to"),))

    with Fleet(gateway("a", head, sinks={"0": ("a",)})) as fleet:
        fleet.move("a", Shard("s", "job", entries, (0,)))

    for entry in entries:
        expected = memoryview(bytearray(entry.size_bytes))
        with Generated(7).read_range(entry.key, offset=0, size_bytes=entry.size_bytes) as reader:
            reader.readinto(expected)
        assert (tmp_path / "to" / entry.key).read_bytes() == expected


def test_an_object_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    shard = shard_of(tmp_path / "from")
    (tmp_path / "from" / "sub dir" / "small 0003%ü").unlink()
    (tmp_path / "from" / "sub dir" / "small 0005%ü").write_bytes(b"changed")
    (tmp_path / "from" / "large1").unlink()

    with Fleet(*source_and_sink(tmp_path / "to")) as fleet:
        events = fleet.move("a", shard)

    failed = {event["key"].rpartition("/")[2]: event["code"] for event in settled(events, "failed")}
    assert failed == {
        "small 0003%ü": "ObjectMissing",
        "small 0005%ü": "SourceChanged",
        "large1": "ObjectMissing",
    }
    expected = tree(tmp_path / "from")
    del expected["sub dir/small 0005%ü"]
    assert tree(tmp_path / "to") == expected


@pytest.mark.parametrize("rule", ["skip", "fail"])
def test_what_exists_already_is_kept(tmp_path: Path, rule: str) -> None:
    fill(tmp_path / "from", small=3)
    (tmp_path / "to").mkdir()
    for name in ("large0", "empty"):
        (tmp_path / "to" / name).write_bytes(b"old")
    settings = replace(SMALL, if_exists=rule)
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)}, settings=settings)

    with Fleet(program, started_s=4e9) as fleet:
        events = fleet.move("a", shard_of(tmp_path / "from"))

    kept = {"large0": b"old", "empty": b"old"}
    assert tree(tmp_path / "to") == tree(tmp_path / "from") | kept
    failed = [event["code"] for event in settled(events, "failed")]
    skipped = sum(mark["skipped"] for mark in settled(events, "mark"))
    assert (failed, skipped) == ((["ObjectExists"] * 2, 0) if rule == "fail" else ([], 2))


def test_what_this_transfer_wrote_itself_is_no_conflict(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=3)
    settings = replace(SMALL, if_exists="fail")
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)}, settings=settings)

    with Fleet(program) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))
        fleet["a"].submit(shard_of(tmp_path / "from", name="job/1", again=True), 0)
        events = fleet.wait("a", "shard_done", count=2)

    assert not settled(events, "failed")


def test_the_others_finish_what_a_lost_sink_held(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=300, large=[2 * MIB, 3 * MIB, 300 * KIB, 1 * MIB])
    programs = (
        gateway("a", read_step(send_step("b", "c")), dials=["b", "c"], sinks={"0": ("b", "c")}),
        gateway("b", Step("receive", children=(write_step(tmp_path / "to"),)), dialled_by=["a"]),
        gateway("c", Step("receive", children=(write_step(tmp_path / "to"),)), dialled_by=["a"]),
    )

    with Fleet(*programs, limits=Limits(receipt_timeout_s=3.0)) as fleet:
        fleet["a"].submit(shard_of(tmp_path / "from"), 0)
        fleet.wait("a", "opened", count=2)
        fleet.kill("b")
        events = fleet.wait("a", "shard_done")

        assert not settled(events, "failed")
        assert tree(tmp_path / "to").items() >= tree(tmp_path / "from").items()
        assert len(settled(events, "closed")) == len(settled(events, "opened"))
    assert tree(tmp_path / "to") == tree(tmp_path / "from")


def test_stopping_aborts_open_uploads_and_joins_all_threads(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=0, large=[30 * MIB])
    before = set(threading.enumerate())

    with Fleet(*source_and_sink(tmp_path / "to")) as fleet:
        fleet["a"].submit(shard_of(tmp_path / "from"), 0)
        fleet.wait("a", "opened")
    left = [thread for thread in threading.enumerate() if thread not in before]

    assert not left
    assert [name for name in tree(tmp_path / "to") if name.startswith(".")] == []


def test_a_full_intake_says_so() -> None:
    program = gateway("a", Step("gen_data", children=(send_step("b"),)), dials=["b"], sinks={"0": ("b",)})
    entries = tuple(Entry(f"k{n}", f"k{n}", 1, "") for n in range(100))

    with Fleet(program, limits=Limits(pieces=16, batches=1)) as fleet:
        taken = [fleet["a"].submit(Shard(f"s{n}", "job", entries, (0,)), 0.05) for n in range(8)]

    assert taken[:4] == [True] * 4
    assert not taken[-1]


def test_after_the_end_nothing_is_taken(tmp_path: Path) -> None:
    with Fleet(gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)})) as fleet:
        fleet["a"].stop()

        with pytest.raises(Stopped):
            fleet["a"].submit(Shard("s", "job", (), (0,)), 0)


def test_a_chunk_larger_than_the_pool_passes(tmp_path: Path) -> None:
    settings = replace(SMALL, pool_bytes=SMALL.slice_bytes)
    fill(tmp_path / "from", small=3)
    relayed = (
        gateway("a", read_step(send_step("r")), dials=["r"], sinks={"0": ("b",)}, routes={"b": ("r",)}),
        gateway("r", Step("receive", children=(send_step("b"),)), dials=["b"], dialled_by=["a"]),
        gateway("b", Step("receive", children=(write_step(tmp_path / "to"),)), dialled_by=["r"], routes={"a": ("r",)}),
    )

    with Fleet(*(replace(program, settings=settings) for program in relayed)) as fleet:
        events = fleet.move("a", shard_of(tmp_path / "from"))

    assert not settled(events, "failed")
    assert tree(tmp_path / "to") == tree(tmp_path / "from")


def test_a_shard_of_another_partition_is_refused(tmp_path: Path) -> None:
    with (
        Fleet(gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)})) as fleet,
        pytest.raises(BadProgram, match="other"),
    ):
        fleet["a"].submit(Shard("s", "other", (), (0,)), 0)


def test_a_frame_for_a_head_that_reads_is_refused_and_frees_its_memory(tmp_path: Path) -> None:
    with Fleet(gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)})) as fleet:
        pool = Pool(64 * KIB, 32 * KIB)
        frame = Frame(bytes(16), "job", "b", (0,), 1, 1, bytes(32), b"", [], pool.reserve(1))

        with pytest.raises(BadProgram, match="takes no frames"):
            fleet["a"]._on_frame("b", frame)

        assert pool.free_bytes == 64 * KIB


def test_an_object_whose_parts_would_not_fit_the_memory_fails_alone() -> None:
    """Ten thousand parts are the most that stores take, so the parts of a huge object grow."""
    entries = (Entry("huge", "huge", 60 << 30, ""), Entry("small", "small", 1, ""))
    head = Step("gen_data", children=(Step("discard", {"destination": 0}),))

    with Fleet(gateway("a", head, sinks={"0": ("a",)})) as fleet:
        events = fleet.move("a", Shard("s", "job", entries, (0,)))

        assert fleet["a"].state == "idle"
    (failed,) = settled(events, "failed")
    assert (failed["key"], "7.0 MiB" in failed["error"]) == ("huge", True)
    assert sum(mark["objects"] for mark in settled(events, "mark")) == 1


def test_a_crashed_thread_is_told_and_leaves_the_gateway_up(tmp_path: Path) -> None:
    with Fleet(gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)})) as fleet:
        fleet["a"]._on_crash("write-0", RuntimeError("disk on fire"))
        events = fleet.wait("a", "fatal")

        assert "disk on fire" in events[-1]["error"]
        assert fleet["a"].state == "failed"


@pytest.mark.parametrize(("content", "drafted"), [(b"text " * 60_000, False), (os.urandom(300_000), True)])
def test_a_chunk_that_shrinks_is_packed_ahead_and_one_that_does_not_is_sealed_as_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, drafted: bool
) -> None:
    made: list[Work] = []
    monkeypatch.setattr(Draft, "__init__", _noting(made))
    (tmp_path / "from").mkdir()
    for name in ("1", "2"):
        (tmp_path / "from" / name).write_bytes(content)

    with Fleet(*source_and_sink(tmp_path / "to")) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert bool(made) is drafted


def _noting(made: list[Work]) -> Callable[..., None]:
    original = Draft.__init__

    def init(draft: Draft, *given: Any, **named: Any) -> None:
        made.append(given[-1])
        original(draft, *given, **named)

    return init
