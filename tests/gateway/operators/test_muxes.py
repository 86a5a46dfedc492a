"""Muxes at every position of a program, also at its head: every destination gets every object once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import BadProgram
from gateway.program import Program, Step
from gateway.shard import Shard
from tests.gateway.pipelines import Fleet, fill, gateway, read_step, send_step, settled, shard_of, tree, write_step


def mux(op: str, *children: Step) -> Step:
    return Step(op, {}, tuple(sorted({d for child in children for d in child.destinations})), children)


def for_destinations(step: Step, *destinations: int) -> Step:
    return replace(step, destinations=destinations)


def test_sources_below_a_mux_or_share_the_shards(tmp_path: Path) -> None:
    """As where the same objects stand in two stores."""
    fill(tmp_path / "from", small=60)
    to = write_step(tmp_path / "to")
    program = gateway("a", mux("mux_or", read_step(to), read_step(to)), sinks={"0": ("a",)})
    whole = shard_of(tmp_path / "from")
    shards = [Shard(f"s{n}", "job", whole.entries[n::12], (0,)) for n in range(12)]

    with Fleet(program) as fleet:
        for shard in shards:
            assert fleet["a"].submit(shard, 10)
        events = fleet.wait("a", "shard_done", count=12)

        left = fleet["a"].drain(10)
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert sum(mark["objects"] for mark in settled(events, "mark")) == len(whole.entries)
    assert Counter(event["shard_id"] for event in settled(events, "shard_done")) == {
        shard.shard_id: 1 for shard in shards
    }
    assert left == 0


def test_sources_below_a_mux_and_serve_a_destination_each(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    heads = [for_destinations(read_step(write_step(tmp_path / str(number), number)), number) for number in (0, 1)]
    program = gateway("a", mux("mux_and", *heads), sinks={"0": ("a",), "1": ("a",)})
    shard = shard_of(tmp_path / "from", destinations=(0, 1))

    with Fleet(program) as fleet:
        events = fleet.move("a", shard)

        assert fleet["a"].state == "idle"
    assert tree(tmp_path / "0") == tree(tmp_path / "1") == tree(tmp_path / "from")
    assert len(settled(events, "shard_done")) == 1, "a shard is done once, when all its sources are done with it"
    objects = Counter[int]()
    for mark in settled(events, "mark"):
        objects[mark["destination"]] += mark["objects"]
    assert objects == {0: len(shard.entries), 1: len(shard.entries)}


def test_a_shard_for_one_destination_goes_to_its_source_alone(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=3)
    heads = [for_destinations(read_step(write_step(tmp_path / str(number), number)), number) for number in (0, 1)]
    program = gateway("a", mux("mux_and", *heads), sinks={"0": ("a",), "1": ("a",)})

    with Fleet(program) as fleet:
        fleet.move("a", shard_of(tmp_path / "from", destinations=(1,)))

    assert not (tmp_path / "0").exists()
    assert tree(tmp_path / "1") == tree(tmp_path / "from")


def test_sources_of_a_mux_and_need_destinations_of_their_own(tmp_path: Path) -> None:
    to = write_step(tmp_path)
    for branch in (read_step(to), for_destinations(read_step(to), 0)):
        with pytest.raises(BadProgram, match="destinations of their own"):
            Fleet(gateway("a", mux("mux_and", branch, branch), sinks={"0": ("a",)}))


@pytest.mark.parametrize("op", ["mux_and", "mux_or"])
@pytest.mark.parametrize("receives", [True, False])
def test_a_mux_at_the_head_takes_what_peers_send(tmp_path: Path, op: str, receives: bool) -> None:
    """With branches that begin with ``receive``, and with branches that begin with nothing."""
    fill(tmp_path / "from")

    def branch(number: int) -> Step:
        write = write_step(tmp_path / f"to{number if op == 'mux_and' else ''}", number if op == "mux_and" else 0)
        return for_destinations(Step("receive", children=(write,)), *write.destinations) if receives else write

    destinations = (0, 1) if op == "mux_and" else (0,)
    sinks = {str(number): ("b",) for number in destinations}
    programs = (
        gateway("a", read_step(send_step("b", destinations=destinations)), dials=["b"], sinks=sinks),
        gateway("b", mux(op, branch(0), branch(1)), dialled_by=["a"]),
    )

    with Fleet(*programs) as fleet:
        events = fleet.move("a", shard_of(tmp_path / "from", destinations=destinations))

    for path in [tmp_path / f"to{number}" for number in (0, 1)] if op == "mux_and" else [tmp_path / "to"]:
        assert tree(path) == tree(tmp_path / "from")
    assert not settled(events, "failed")


def test_a_gateway_reads_and_receives_one_partition(tmp_path: Path) -> None:
    """What it reads itself and what another source sends it, to one destination."""
    fill(tmp_path / "from", small=20)
    fill(tmp_path / "more", small=20, seed=2)
    to = write_step(tmp_path / "to")
    programs = (
        gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)}),
        gateway("b", mux("mux_or", for_destinations(read_step(to), 0), to), dialled_by=["a"], sinks={"0": ("b",)}),
    )

    with Fleet(*programs) as fleet:
        fleet["a"].submit(shard_of(tmp_path / "from"), 5)
        fleet["b"].submit(shard_of(tmp_path / "more"), 5)
        fleet.wait("a", "shard_done")
        fleet.wait("b", "shard_done")

    assert tree(tmp_path / "to").keys() == tree(tmp_path / "from").keys() | tree(tmp_path / "more").keys()


def some_tree(rng: random.Random, destinations: tuple[int, ...], peers: list[str], to: Path, levels: int) -> Step:
    """Return a random tree of muxes below which every destination is written here or sent to one of *peers*."""
    if len(destinations) == 1 and (levels == 0 or rng.random() < 0.3):
        return write_step(to / str(destinations[0]), destinations[0])
    if levels and rng.random() < 0.6:
        branches = [some_tree(rng, destinations, peers, to, levels - 1) for _ in range(rng.randint(1, 3))]
        return Step("mux_or", {}, destinations, tuple(replace(one, destinations=destinations) for one in branches))
    if rng.random() < 0.3:
        return Step("send", {"peer": rng.choice(peers)}, destinations)
    cut = rng.randint(0, len(destinations))
    parts = [part for part in (destinations[:cut], destinations[cut:]) if part]
    if levels == 0:
        parts = [(destination,) for destination in destinations]
    return Step(
        "mux_and", {}, destinations, tuple(some_tree(rng, part, peers, to, max(0, levels - 1)) for part in parts)
    )


@pytest.mark.parametrize("seed", range(8))
def test_muxes_at_any_depth_lose_nothing_and_double_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    fill(tmp_path / "from", small=25)
    destinations = (0, 1, 2)
    head = read_step(some_tree(rng, destinations, ["b", "c"], tmp_path / "to", 3))
    writes = tuple(write_step(tmp_path / "to" / str(number), number) for number in destinations)
    sinks: list[Program] = [
        gateway(name, Step("receive", children=(mux("mux_and", *writes),)), dialled_by=["a"]) for name in ("b", "c")
    ]
    # the owner of an object must be a gateway that writes its destination, and b always does
    sinks_of_a = {str(number): ("b",) for number in destinations}
    shard = shard_of(tmp_path / "from", destinations=destinations)

    with Fleet(gateway("a", head, dials=["b", "c"], sinks=sinks_of_a), *sinks) as fleet:
        events = fleet.move("a", shard)

    for number in destinations:
        assert tree(tmp_path / "to" / str(number)) == tree(tmp_path / "from")
        marks = [mark for mark in settled(events, "mark") if mark["destination"] == number]
        assert sum(mark["objects"] for mark in marks) == len(shard.entries)
    assert not settled(events, "failed")
