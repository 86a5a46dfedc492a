"""What a gateway keeps resident is bounded by its program, whatever passes and however slow the other end is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fleet import Fleet, Load
from gateway.footprint import BASE_BYTES, TLS_BYTES, bound_bytes, pools_bytes
from gateway.program import Group, Peer, Program, Settings, Step
from gateway.units import GIB, KIB, MIB

SETTINGS = Settings(
    chunk_bytes=4 * MIB,
    threshold_bytes=4 * MIB,
    slice_bytes=256 * KIB,
    batch_bytes=MIB,
    pool_bytes=16 * MIB,
    compression="none",
)
# What Python, its libraries and a transfer's own notes may take beyond the formula's variable part, once it runs.
NOTES_BYTES = 16 * MIB
SEND = Step("send", {"peer": "b"})


def program(*heads: Step, settings: Settings = SETTINGS, connections: int = 2) -> Program:
    groups = tuple(Group((f"p{number}",), head) for number, head in enumerate(heads))
    return Program("a", groups, (Peer("b", dial=True, connections=connections),), settings=settings)


def test_who_only_reads_or_only_receives_has_one_pool() -> None:
    assert pools_bytes(program(Step("gen_data", children=(SEND,)))) == (16 * MIB,)
    assert pools_bytes(program(Step("receive", children=(SEND,)))) == (16 * MIB,)


def test_who_reads_and_receives_has_two_halves() -> None:
    both = program(Step("gen_data", children=(SEND,)), Step("receive", children=(Step("discard"),)))

    assert pools_bytes(both) == (8 * MIB, 8 * MIB)


def test_a_pool_holds_the_largest_frame() -> None:
    settings = Settings(chunk_bytes=100 * MIB + 1, slice_bytes=MIB, pool_bytes=MIB)

    assert pools_bytes(program(Step("receive", children=(SEND,)), settings=settings)) == (128 * MIB,)


def test_the_bound_of_a_relay_is_its_pool_and_its_connections() -> None:
    relay = program(Step("receive", children=(SEND,)), connections=8)

    page = 4096
    assert bound_bytes(relay) == BASE_BYTES + 64 * (256 * KIB + page) + 2 * 8 * 6 * (256 * KIB + page)


def test_tls_has_buffers_of_its_own_for_each_connection() -> None:
    relay = program(Step("receive", children=(SEND,)), connections=8)
    secure = program(Step("receive", children=(SEND,)), settings=replace(SETTINGS, link_tls=True), connections=8)

    assert bound_bytes(secure) - bound_bytes(relay) == 2 * 8 * TLS_BYTES


def test_every_writer_may_hold_a_frame() -> None:
    sink = program(Step("receive", children=(Step("write_local", {"destination": 0}),)))
    relay = program(Step("receive", children=(SEND,)))

    assert bound_bytes(sink) - bound_bytes(relay) == SETTINGS.writers * 4 * MIB


def added_bytes(fleet: Fleet, load: Load) -> dict[str, tuple[int, int]]:
    """Move *load*; return by gateway what its largest resident size was above that of its start, and what it may be."""
    before = {daemon.name: daemon.memory_bytes()["VmRSS"] for daemon in fleet.daemons}
    fleet.move(load)
    bounds = {one.gateway: bound_bytes(one) - BASE_BYTES + NOTES_BYTES for one in fleet.programs()}
    return {
        daemon.name: (daemon.memory_bytes()["VmHWM"] - before[daemon.name], bounds[daemon.name])
        for daemon in fleet.daemons
    }


@pytest.mark.parametrize(
    ("load", "sink"),
    [
        pytest.param(Load(2, 256 * MIB), {}, id="chunks"),
        pytest.param(Load(3, 64 * MIB), {"bytes_per_s": 60_000_000}, id="a sink ten times slower"),
        pytest.param(Load(200, 3 * MIB), {}, id="whole objects"),
    ],
)
def test_what_passes_takes_no_more_than_pool_and_connections(
    tmp_path: Path, load: Load, sink: dict[str, object]
) -> None:
    with Fleet(tmp_path, SETTINGS, relays=1, connections=2, sink=sink) as fleet:
        added = added_bytes(fleet, load)

    assert {name: taken for name, (taken, bound) in added.items() if taken > bound} == {}


def test_a_chunk_larger_than_the_pool_passes_alone(tmp_path: Path) -> None:
    settings = Settings(chunk_bytes=32 * MIB, threshold_bytes=32 * MIB, slice_bytes=256 * KIB, pool_bytes=4 * MIB)

    with Fleet(tmp_path, settings, relays=1, connections=2) as fleet:
        added = added_bytes(fleet, Load(1, 160 * MIB))

    assert {name: taken for name, (taken, bound) in added.items() if taken > bound} == {}


@pytest.mark.slow
def test_fifty_gibibytes_take_no_more_than_the_first(tmp_path: Path) -> None:
    with Fleet(tmp_path, Settings(), relays=1, connections=2) as fleet:
        added = added_bytes(fleet, Load(50, GIB))

    assert {name: taken for name, (taken, bound) in added.items() if taken > bound} == {}
