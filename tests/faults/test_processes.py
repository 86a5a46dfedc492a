"""Gateways that stop, die, or come back: nothing is lost, nothing is wrong, and somebody says so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.fleets import assert_all_arrived, plant, reading, relaying, writing
from tests.gateway.pipelines import shard_of
from tests.lab.ground import Ground

pytestmark = pytest.mark.slow
Report = Callable[[str], None]


def test_a_gateway_that_is_stopped_and_goes_on(ground: Ground, tmp_path: Path, report: Report) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a, b = fleet["a"], fleet["b"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        stopped_s = time.monotonic()
        b.signal(signal.SIGSTOP)
        noticed_s = a.wait("peer", after_s=stopped_s, up=False) - stopped_s
        on_s = time.monotonic()
        b.signal(signal.SIGCONT)
        back_s = a.wait("peer", after_s=on_s, up=True) - on_s
        a.wait("shard_done", after_s=on_s)

        assert_all_arrived(files, tmp_path / "to", a)
    report(f"SIGSTOP of a sink: the source noticed after {noticed_s:.1f} s; back {back_s:.1f} s after SIGCONT")


def test_another_sink_does_what_a_killed_one_had_begun(ground: Ground, tmp_path: Path, report: Report) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b", "c"), *(writing(name, tmp_path / "to", "a") for name in ("b", "c"))]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a = fleet["a"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        killed_s = time.monotonic()
        fleet["b"].signal(signal.SIGKILL)
        noticed_s = a.wait("peer", after_s=killed_s, gateway="b", up=False) - killed_s
        done_s = a.wait("shard_done", after_s=killed_s) - killed_s

        assert_all_arrived(files, tmp_path / "to", a)
    report(f"kill -9 of one sink of two: the source noticed after {noticed_s:.1f} s, all arrived after {done_s:.1f} s")


def test_who_is_told_of_a_death_need_not_wait_for_silence(ground: Ground, tmp_path: Path, report: Report) -> None:
    """As the client does it, which sees a killed gateway's control connection end."""
    files = plant(tmp_path / "from")
    programs = [reading("a", "b", "c"), *(writing(name, tmp_path / "to", "a") for name in ("b", "c"))]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a = fleet["a"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        killed_s = time.monotonic()
        fleet["b"].signal(signal.SIGKILL)
        a.call("POST", "/v1/lost", {"gateway": "b"})
        noticed_s = a.wait("peer", after_s=killed_s, gateway="b", up=False) - killed_s
        done_s = a.wait("shard_done", after_s=killed_s) - killed_s

        assert_all_arrived(files, tmp_path / "to", a)
    report(f"kill -9 of a sink, told by the client: noticed after {noticed_s:.1f} s, all arrived after {done_s:.1f} s")


def test_another_source_takes_the_shard_of_a_killed_one(ground: Ground, tmp_path: Path, report: Report) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), reading("s", "b"), writing("b", tmp_path / "to", "a", "s")]
    shard = shard_of(tmp_path / "from")

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a, b, s = fleet["a"], fleet["b"], fleet["s"]
        a.take(shard)
        a.wait_for_objects(3)
        killed_s = time.monotonic()
        a.signal(signal.SIGKILL)
        s.take(replace(shard, again=True))
        noticed_s = b.wait("peer", after_s=killed_s, gateway="a", up=False) - killed_s
        s.wait("shard_done")
        # What the killed one had open is the client's to abort; here it is told by the hidden files that are left.
        half_written = [path for path in (tmp_path / "to").iterdir() if path.name.startswith(".")]
        assert all("lab-" in path.name for path in half_written)
        for path in half_written:
            path.unlink()

        assert_all_arrived(files, tmp_path / "to", s)
    report(f"kill -9 of a source: the sink noticed after {noticed_s:.1f} s; another source did its shard")


def test_another_relay_carries_what_a_killed_one_held(ground: Ground, tmp_path: Path, report: Report) -> None:
    files = plant(tmp_path / "from")
    ways = {"b": ("c", "r")}
    programs = [
        replace(reading("a", "c", "r"), sinks={"job": {"0": ("b",)}}, routes=ways),
        *(relaying(name, "a", "b") for name in ("c", "r")),
        replace(writing("b", tmp_path / "to", "c", "r"), routes={"a": ("c", "r")}),
    ]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a = fleet["a"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        killed_s = time.monotonic()
        fleet["r"].signal(signal.SIGKILL)
        noticed_s = a.wait("peer", after_s=killed_s, gateway="r", up=False) - killed_s
        done_s = a.wait("shard_done", after_s=killed_s) - killed_s

        assert_all_arrived(files, tmp_path / "to", a)
    report(f"kill -9 of a relay of two: the source noticed after {noticed_s:.1f} s, all arrived after {done_s:.1f} s")


@pytest.mark.parametrize("noticed", [False, True], ids=["before-it-is-missed", "after-it-was-missed"])
def test_a_gateway_that_comes_back_goes_on(ground: Ground, tmp_path: Path, report: Report, noticed: bool) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a, b = fleet["a"], fleet["b"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        killed_s = time.monotonic()
        b.signal(signal.SIGKILL)
        if noticed:
            a.wait("peer", after_s=killed_s, up=False)
        back_s = time.monotonic()
        b.start()
        fleet.introduce()
        b.wait("peer", after_s=back_s, gateway="a", up=True)
        a.wait("shard_done", after_s=killed_s, timeout_s=150.0)
        done_s = time.monotonic() - back_s

        assert_all_arrived(files, tmp_path / "to", a)
    when = "after" if noticed else "before"
    report(f"kill -9 of the only sink, back {when} it was missed: all arrived {done_s:.1f} s after it came back")
