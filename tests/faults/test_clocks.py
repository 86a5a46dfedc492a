"""Clocks that jump: nothing is lost, nothing is wrong, and somebody says so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.fleets import assert_all_arrived, plant, reading, writing
from tests.gateway.pipelines import shard_of
from tests.lab.ground import Ground
from tests.lab.skewed import Skew

pytestmark = pytest.mark.slow
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


JUMPS = {"set-forward": (DAY_S, 0.0), "set-back": (-DAY_S, 0.0), "slept-an-hour": (HOUR_S, HOUR_S)}


@pytest.mark.parametrize("who", ["a", "b"], ids=["source", "sink"])
@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps(ground: Ground, tmp_path: Path, report: Callable[[str], None], who: str, jump: str) -> None:
    """A clock that is set moves the wall clock alone; a VM that slept finds both moved, and its peers silent."""
    wall_s, since_boot_s = JUMPS[jump]
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", tmp_path / "to", "a")]
    skew = Skew(tmp_path / "skew")
    fleet = ground.fleet(tmp_path / "home", programs)
    fleet[who].launcher, fleet[who].env = skew.launcher, skew.env

    with fleet:
        a = fleet["a"]
        a.take(shard_of(tmp_path / "from"))
        a.wait_for_objects(3)
        jumped_s = time.monotonic()
        fleet[who].signal(signal.SIGSTOP)
        skew.jump(wall_s=wall_s, since_boot_s=since_boot_s)
        fleet[who].signal(signal.SIGCONT)
        took_s = a.wait("shard_done", after_s=jumped_s) - jumped_s

        assert_all_arrived(files, tmp_path / "to", a)
        missed = [at_s - jumped_s for at_s, event in fleet[who].seen if event["kind"] == "peer" and not event["up"]]
        if not since_boot_s:
            assert missed == [], "who is silent is told by a clock that nobody sets"
    seen = f"it missed its peer after {missed[0]:.1f} s" if missed else "nobody missed anybody"
    report(f"clock of the {'source' if who == 'a' else 'sink'} {jump}: {seen}, done after {took_s:.1f} s")
