"""Links that go down, are cut, or lose packets: nothing is lost, nothing is wrong, and somebody says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.fleets import LINK, assert_all_arrived, plant, reading, writing
from tests.gateway.pipelines import shard_of
from tests.lab.ground import Ground, OnHosts
from tests.lab.hosts import why_no_hosts

pytestmark = pytest.mark.slow
FLICKER_S = 3.0  # less than a peer may be silent


def test_a_link_that_goes_down_and_comes_back(
    either_ground: Ground, tmp_path: Path, report: Callable[[str], None]
) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]

    with either_ground.fleet(tmp_path / "home", programs) as fleet:
        a, b = fleet["a"], fleet["b"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        down_s = time.monotonic()
        either_ground.plug("b", up=False)
        noticed = {one.name: one.wait("peer", after_s=down_s, up=False) - down_s for one in (a, b)}
        up_s = time.monotonic()
        either_ground.plug("b", up=True)
        back_s = a.wait("peer", after_s=up_s, up=True) - up_s
        a.wait("shard_done", after_s=up_s)

        assert_all_arrived(files, tmp_path / "to", a)
    ground = type(either_ground).__name__
    seen = f"the source noticed after {noticed['a']:.1f} s, the sink after {noticed['b']:.1f} s"
    report(f"link down ({ground}): {seen}; once up, they talked again after {back_s:.1f} s")


def test_a_link_that_is_down_for_a_moment_is_nothing_to_speak_of(
    ground: Ground, tmp_path: Path, report: Callable[[str], None]
) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a = fleet["a"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        ground.plug("b", up=False)
        threading.Event().wait(FLICKER_S)  # the length of the fault, not a wait for something
        ground.plug("b", up=True)
        up_s = time.monotonic()
        back_s = a.wait("mark", after_s=up_s) - up_s
        a.wait("shard_done", after_s=up_s)

        assert_all_arrived(files, tmp_path / "to", a)
        assert [event for event in a.events("peer") if not event["up"]] == []
    report(f"link down for {FLICKER_S:.0f} s: nobody gave anybody up; receipts again {back_s:.1f} s after it was up")


def test_five_packets_of_a_hundred_are_lost(tmp_path: Path, report: Callable[[str], None]) -> None:
    if why := why_no_hosts():
        pytest.skip(f"no emulated hosts, and a relay loses no packets: {why}")
    files = plant(tmp_path / "from", large=2, small=20)
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]

    with OnHosts(("a", "b"), replace(LINK, loss=0.05)) as ground, ground.fleet(tmp_path / "home", programs) as fleet:
        a, began_s = fleet["a"], time.monotonic()
        a.take(shard_of(tmp_path / "from"))
        took_s = a.wait("shard_done") - began_s
        counted = ground.wan.counters()

        assert_all_arrived(files, tmp_path / "to", a)
        assert [event for event in a.events("peer") if not event["up"]] == []
        assert counted["lost"] > 0.03 * counted["packets"]
    mbit = sum(map(len, files.values())) * 8 / took_s / 1e6
    report(f"5 % loss: {counted['lost']:.0f} of {counted['packets']:.0f} packets, {mbit:.1f} of {LINK.mbit:.0f} Mbit/s")
