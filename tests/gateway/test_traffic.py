"""What gateways count of the wire and of stores: both ends of a link agree, and nothing that passed is left out."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.program import Peer, Step
from gateway.units import KIB
from tests.gateway.fleet import SLICE_BYTES, Proxy, eventually, introduce, make_frame
from tests.gateway.fleet import Gateway as Wire
from tests.gateway.pipelines import (
    SMALL,
    Fleet,
    fill,
    gateway,
    read_step,
    send_step,
    settled,
    shard_of,
    write_step,
)

UNCOMPRESSED = replace(SMALL, compression="none")


def agree(counters: dict[str, dict[str, Any]]) -> bool:
    """Whether every byte that one gateway sent to another was received there."""
    return all(
        counters[peer]["received_from"][name] == sent
        for name, one in counters.items()
        for peer, sent in one["sent_to"].items()
    )


def test_both_ends_of_each_link_agree_with_a_relay_and_two_destinations(tmp_path: Path) -> None:
    fill(tmp_path / "from")
    to_r = {"b": ("r",), "c": ("r",), "r": ("r",)}
    both = Step("mux_and", {}, (0, 1), (send_step("b"), send_step("c", destinations=(1,))))
    programs = (
        gateway(
            "a",
            read_step(send_step("r", destinations=(0, 1))),
            dials=["r"],
            routes=to_r,
            sinks={"0": ("b",), "1": ("c",)},
            settings=UNCOMPRESSED,
        ),
        # b is dialled, c dials: bytes count whoever opened the connection.
        gateway("r", Step("receive", children=(both,)), dials=["b"], dialled_by=["a", "c"], settings=UNCOMPRESSED),
        gateway(
            "b",
            Step("receive", children=(write_step(tmp_path / "b"),)),
            dialled_by=["r"],
            routes={"a": ("r",)},
            settings=UNCOMPRESSED,
        ),
        gateway(
            "c",
            Step("receive", children=(write_step(tmp_path / "c", 1),)),
            dials=["r"],
            routes={"a": ("r",)},
            settings=UNCOMPRESSED,
        ),
    )
    shard = shard_of(tmp_path / "from", destinations=(0, 1))

    with Fleet(*programs) as fleet:
        events = fleet.move("a", shard)

        def all_counters() -> dict[str, dict[str, Any]]:
            return {name: pipeline.counters.read() for name, pipeline in fleet.pipelines.items()}

        # Signs of life go on; between two of them both ends have counted the same.
        assert eventually(lambda: agree(all_counters()))
        counted = all_counters()

    assert not settled(events, "failed")
    size_bytes = shard.size_bytes
    once = counted["a"]["sent_to"]["r"]
    assert size_bytes < once < size_bytes * 1.2 + 100 * KIB, "a byte for two destinations passes the first link once"
    assert counted["r"]["sent_to"].keys() == {"a", "b", "c"}
    for peer in ("b", "c"):
        assert size_bytes < counted["r"]["sent_to"][peer] < once * 1.1 + 50 * KIB
        assert 0 < counted[peer]["sent_to"]["r"] < size_bytes / 5, "acknowledgements and receipts"
    assert counted["a"]["bytes_sent"] == once
    assert counted["r"]["bytes_sent"] == sum(counted["r"]["sent_to"].values())
    assert counted["a"]["stores"]["job-source"]["read_bytes"] == size_bytes
    assert counted["b"]["stores"]["job-destination-0"]["written_bytes"] == size_bytes
    assert counted["c"]["stores"]["job-destination-1"]["written_bytes"] == size_bytes
    assert counted["r"]["stores"] == {}


def test_what_a_cut_connection_made_it_send_again_counts(tmp_path: Path) -> None:
    with ExitStack() as closing:
        a = Wire("a", (Peer("b", True, 1),))
        b = Wire("b", (Peer("a", False, 1),))
        proxy = closing.enter_context(Proxy(b.port))
        for one in (a, b):
            closing.callback(one.peers.close)
        outlet = a.peers.outlet(("b",))
        introduce(a, b, ports={"b": proxy.port})
        assert a.is_up("b")
        proxy.cut_after_bytes = 3 * SLICE_BYTES
        payloads = [os.urandom(2 * SLICE_BYTES) for _ in range(8)]
        for payload in payloads:
            outlet.put(make_frame(a.pool, payload))
        assert proxy.has_cut(2)
        proxy.cut_after_bytes = None
        assert b.wait(lambda: len(b.payloads) == len(payloads))

        sent, _ = a.peers.traffic()["b"]
        _, received = b.peers.traffic()["a"]

    assert a.peers.counters()["frames_resent"] >= 1
    assert sent > sum(map(len, payloads)) + SLICE_BYTES
    assert sum(map(len, payloads)) < received < sent


@pytest.mark.parametrize("partitions", [("job",), ("first", "job")])
def test_stores_are_counted_under_the_first_partition_of_their_group(
    tmp_path: Path, partitions: tuple[str, ...]
) -> None:
    fill(tmp_path / "from", small=2, large=())
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)})
    program = replace(program, groups=(replace(program.groups[0], partitions=partitions),))

    with Fleet(program) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))
        stores = fleet["a"].counters.read()["stores"]

    assert set(stores) == {f"{partitions[0]}-source", f"{partitions[0]}-destination-0"}
    assert stores[f"{partitions[0]}-destination-0"]["put"] == 4
