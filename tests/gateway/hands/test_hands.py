from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.program import Program, Settings, Step
from gateway.units import KIB, MIB
from tests.gateway.fleet import Proxy, eventually
from tests.gateway.hands.deployed import Deployed, is_gone, until_done
from tests.gateway.pipelines import fill, gateway, read_step, send_step, settled, shard_of, tree, write_step

LARGE = (3_000_000, 300_000, 129 * KIB, 2_000_000)


def more(program: Program, processes: int, connections: int = 4, **settings: Any) -> Program:
    """Return *program* with so many processes, and connections to each peer."""
    peers = tuple(replace(peer, connections=connections) for peer in program.peers)
    changed: Settings = replace(program.settings, processes=processes, **settings)
    return replace(program, peers=peers, settings=changed)


def pair(to: Path, *, source: int = 3, sink: int = 2, **settings: Any) -> tuple[Program, Program]:
    """Return the programs of a source and a sink with so many processes."""
    a = gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)})
    b = gateway("b", Step("receive", children=(write_step(to),)), dialled_by=["a"])
    return more(a, source, **settings), more(b, sink, **settings)


def opened(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *events* up to the first that says that an object is being written."""
    seen = []
    for event in events:
        seen.append(event)
        if event["kind"] == "opened":
            break
    return seen


@pytest.mark.parametrize(("source", "sink"), [(3, 2), (2, 1), (1, 3)])
def test_everything_arrives_byte_for_byte(tmp_path: Path, source: int, sink: int) -> None:
    fill(tmp_path / "from", large=LARGE)
    shard = shard_of(tmp_path / "from")

    with Deployed(tmp_path, *pair(tmp_path / "to", source=source, sink=sink)) as fleet:
        events = fleet.move("a", shard)
        shared = eventually(lambda: all(count for name in "ab" for count in fleet.connections(name)))
        hands = len(fleet.hands("a")), len(fleet.hands("b"))
        processes = tuple(fleet.clients[name].ask("GET", "/v1/status")[1]["processes"] for name in "ab")
        read, written = fleet.counters("a"), fleet.counters("b")

    assert shared
    assert processes == (source, sink)
    assert hands == (source - 1, sink - 1)
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not settled(events, "failed")
    assert sum(mark["bytes"] for mark in settled(events, "mark")) == shard.size_bytes
    assert written["bytes_written"] == shard.size_bytes
    assert read["bytes_read"] >= shard.size_bytes
    assert read["sent_to"]["b"] > shard.size_bytes - 128 * KIB
    assert "keys of this connection" not in fleet.log("b")


@pytest.mark.parametrize("where", ["a", "b"])
def test_a_hand_that_is_killed_loses_nothing(tmp_path: Path, where: str) -> None:
    fill(tmp_path / "from", large=[*LARGE, 20 * MIB])

    with Deployed(tmp_path, *pair(tmp_path / "to", source=2, sink=2)) as fleet:
        events = fleet.begin("a", shard_of(tmp_path / "from"))
        seen = opened(events)
        (victim,) = fleet.hands(where)
        os.kill(victim, signal.SIGKILL)
        seen += until_done(events)
        noticed = eventually(lambda: not fleet.hands(where))
        status = fleet.clients[where].ask("GET", "/v1/status")[1]
        errors = fleet.clients[where].ask("GET", "/v1/errors")[1]

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not settled(seen, "failed")
    assert noticed
    assert status["processes"] == 1
    assert errors["counts"]["process"] == 1


def test_what_is_left_runs_on_without_any_hand(tmp_path: Path) -> None:
    fill(tmp_path / "from", large=LARGE)

    with Deployed(tmp_path, *pair(tmp_path / "to", source=3, sink=3)) as fleet:
        for name in "ab":
            for pid in fleet.hands(name):
                os.kill(pid, signal.SIGKILL)
        events = fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not settled(events, "failed")


def test_hands_end_with_the_first_process(tmp_path: Path) -> None:
    with Deployed(tmp_path, *pair(tmp_path / "to", source=3, sink=2)) as fleet:
        hands = fleet.hands("a")
        os.kill(fleet.abouts["a"]["pid"], signal.SIGKILL)

        gone = eventually(lambda: all(is_gone(pid) for pid in hands))
        fleet.homes["a"].wait_until_dead()

    assert len(hands) == 2
    assert gone


def test_it_stops_in_order_in_the_middle_of_a_transfer(tmp_path: Path) -> None:
    fill(tmp_path / "from", large=[*LARGE, 20 * MIB])

    with Deployed(tmp_path, *pair(tmp_path / "to", source=2, sink=3)) as fleet:
        opened(fleet.begin("a", shard_of(tmp_path / "from")))
        hands = fleet.hands("a") + fleet.hands("b")
        stopped = [fleet.homes[name].command("stop") for name in "ab"]

    assert stopped == [(0, "STOPPED", {"was_running": True})] * 2
    assert all(is_gone(pid) for pid in hands)
    for name in "ab":
        assert fleet.log(name).rstrip().endswith("stopped")
        assert "has died" not in fleet.log(name)
    assert not [name for name in tree(tmp_path / "to") if Path(name).name.startswith(".")]


def test_what_a_broken_connection_took_is_sent_again(tmp_path: Path) -> None:
    fill(tmp_path / "from", large=LARGE)
    proxies: list[Proxy] = []

    def through(name: str, port: int) -> int:
        if name != "b":
            return port
        proxies.append(Proxy(port))
        proxies[0].cut_after_bytes = 700_000
        return proxies[0].port

    with Deployed(tmp_path, *pair(tmp_path / "to", source=2, sink=2), ports=through) as fleet, proxies[0]:
        events = fleet.move("a", shard_of(tmp_path / "from"))

    assert proxies[0].cuts
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not settled(events, "failed")


@pytest.mark.parametrize("rule", ["skip", "fail"])
def test_what_exists_already_is_kept(tmp_path: Path, rule: str) -> None:
    fill(tmp_path / "from", small=3)
    (tmp_path / "to").mkdir()
    for name in ("large0", "empty"):
        (tmp_path / "to" / name).write_bytes(b"old")
        os.utime(tmp_path / "to" / name, (1, 1))

    with Deployed(tmp_path, *pair(tmp_path / "to", if_exists=rule)) as fleet:
        fleet.homes["b"].command("stop")
        fleet.start_again("b", transfer_started_s=4e9)
        events = fleet.move("a", shard_of(tmp_path / "from"))

    kept = {"large0": b"old", "empty": b"old"}
    assert tree(tmp_path / "to") == tree(tmp_path / "from") | kept
    failed = [event["code"] for event in settled(events, "failed")]
    skipped = sum(mark["skipped"] for mark in settled(events, "mark"))
    assert (failed, skipped) == ((["ObjectExists"] * 2, 0) if rule == "fail" else ([], 2))


def test_an_object_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    fill(tmp_path / "from", large=LARGE)
    shard = shard_of(tmp_path / "from")
    (tmp_path / "from" / "sub dir" / "small 0003%ü").unlink()
    (tmp_path / "from" / "threshold").write_bytes(b"changed")
    (tmp_path / "from" / "large1").unlink()

    with Deployed(tmp_path, *pair(tmp_path / "to")) as fleet:
        events = fleet.move("a", shard)

    failed = {event["key"].rpartition("/")[2]: event["code"] for event in settled(events, "failed")}
    assert failed == {"small 0003%ü": "ObjectMissing", "threshold": "SourceChanged", "large1": "ObjectMissing"}
    expected = tree(tmp_path / "from")
    del expected["threshold"]
    assert tree(tmp_path / "to") == expected


def test_a_relay_with_hands_forwards_and_a_sink_may_dial(tmp_path: Path) -> None:
    fill(tmp_path / "from", large=LARGE)
    both = Step("mux_and", {}, (0, 1), (send_step("b"), send_step("c", destinations=(1,))))
    to_r = {"b": ("r",), "c": ("r",), "r": ("r",)}
    programs = (
        gateway(
            "a",
            read_step(send_step("r", destinations=(0, 1))),
            dials=["r"],
            routes=to_r,
            sinks={"0": ("b",), "1": ("c",)},
        ),
        gateway("r", Step("receive", children=(both,)), dials=["b"], dialled_by=["a", "c"]),
        gateway(
            "b", Step("receive", children=(write_step(tmp_path / "to b"),)), dialled_by=["r"], routes={"a": ("r",)}
        ),
        gateway("c", Step("receive", children=(write_step(tmp_path / "to c", 1),)), dials=["r"], routes={"a": ("r",)}),
    )
    shard = shard_of(tmp_path / "from", destinations=(0, 1))

    with Deployed(tmp_path, *(more(program, 2) for program in programs)) as fleet:
        events = fleet.move("a", shard)
        shared = fleet.connections("r")

    assert tree(tmp_path / "to b") == tree(tmp_path / "to c") == tree(tmp_path / "from")
    assert not settled(events, "failed")
    assert shared[0] > 4
