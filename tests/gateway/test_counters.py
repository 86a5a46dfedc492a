"""Counters of operators: a user sees which one is slow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.operators.discard import Nowhere
from gateway.operators.gen_data import Generated
from gateway.program import Step
from gateway.shard import Entry, Shard
from gateway.units import KIB
from tests.gateway.pipelines import SMALL, Fleet, fill, gateway, read_step, send_step, shard_of, write_step

ENTRIES = tuple(Entry(f"k{n}", f"k{n}", 640 * KIB, "") for n in range(12))
DISCARD = Step("discard", {"destination": 0}, (0,))


def made_up(**settings: Any) -> tuple[Any, Any]:
    own = replace(SMALL, **settings)
    return (
        gateway("a", Step("gen_data", children=(send_step("b"),)), dials=["b"], sinks={"0": ("b",)}, settings=own),
        gateway("b", Step("receive", children=(DISCARD,)), dialled_by=["a"], settings=own),
    )


Move = Callable[[], tuple[dict[str, Any], dict[str, Any]]]


def by_op(totals: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operator["op"]: operator for operator in totals["operators"]}


def slow(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
    """Let method *name* of *kind* take 20 ms more."""
    swift: Callable[..., Any] = getattr(kind, name)
    never = threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> Any:
        never.wait(0.02)
        return swift(*args, **kwargs)

    monkeypatch.setattr(kind, name, slowly)


@pytest.fixture
def moved() -> Move:
    def move() -> tuple[dict[str, Any], dict[str, Any]]:
        with Fleet(*made_up()) as fleet:
            fleet.move("a", Shard("s", "job", ENTRIES, (0,)))
            return fleet["a"].totals(), fleet["b"].totals()

    return move


def test_every_operator_counts_what_passes_it(moved: Move) -> None:
    source, sink = moved()

    total = sum(entry.size_bytes for entry in ENTRIES)
    for operators in (by_op(source), by_op(sink)):
        assert {name: one["bytes"] for name, one in operators.items()} == dict.fromkeys(operators, total)
        assert all(one["busy_s"] > 0 for one in operators.values())
        assert all(one["waiting_s"] >= 0 for one in operators.values())
    assert [(one["op"], one["step"], one["to"]) for one in source["operators"]] == [
        ("gen_data", 0, ()),
        ("send", 1, ("b",)),
    ]
    assert [(one["op"], one["to"]) for one in sink["operators"]] == [("receive", ()), ("discard", ("destination-0",))]
    assert by_op(source)["gen_data"]["chunks"] == 12 * 10


def test_a_slow_source_is_the_bottleneck(monkeypatch: pytest.MonkeyPatch, moved: Move) -> None:
    slow(monkeypatch, Generated, "read_range")

    source, _ = moved()

    assert source["bottleneck"]["op"] == "gen_data"


def test_a_slow_sink_is_the_bottleneck(monkeypatch: pytest.MonkeyPatch, moved: Move) -> None:
    slow(monkeypatch, Nowhere, "stream_part")

    _, sink = moved()

    assert sink["bottleneck"]["op"] == "discard"


def test_what_is_packed_is_told_as_a_ratio(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=0, large=[])
    (tmp_path / "from" / "text").write_bytes(b"the same again and again " * 40_000)
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)})

    with Fleet(program) as fleet:
        before = fleet["a"].totals()
        fleet.move("a", shard_of(tmp_path / "from"))
        after = fleet["a"].totals()

    assert before["compression_ratio"] is None
    assert before["bottleneck"] is None
    assert after["bytes_sealed"] < after["bytes_read"] / 10
    assert after["compression_ratio"] == round(after["bytes_read"] / after["bytes_sealed"], 3)


def test_senders_to_the_same_peers_are_counted_once() -> None:
    head = Step(
        "gen_data", children=(Step("mux_and", {}, (0, 1), (send_step("b"), send_step("b", destinations=(1,)))),)
    )
    source = gateway("a", head, dials=["b"], sinks={"0": ("b",), "1": ("b",)})
    both = Step("mux_and", {}, (0, 1), (DISCARD, Step("discard", {"destination": 1}, (1,))))
    sink = gateway("b", Step("receive", children=(both,)), dialled_by=["a"])

    with Fleet(source, sink) as fleet:
        fleet.move("a", Shard("s", "job", ENTRIES[:2], (0, 1)))
        totals = fleet["a"].totals()

    assert [one["op"] for one in totals["operators"]] == ["gen_data", "mux_and", "send"]
    assert by_op(totals)["send"]["bytes"] == 2 * by_op(totals)["gen_data"]["bytes"]
