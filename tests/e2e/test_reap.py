"""Fleets that a lost client left behind, found by tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.leftovers import left_of, processes_of
from tests.e2e.trees import contents, plant


def test_a_lost_fleet_is_found_without_its_state(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    # Slow enough to be still moving when reap has looked into every cloud on a busy machine.
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out", mbps=16)) as command:
        command.until_phase("transferring")
        alive = run(home, "reap").last("fleet")
        command.kill_9()
    assert (alive["removed"], alive["client_alive"]) == (False, True)
    (home / "transfers" / command.transfer_id / "work/terraform.tfstate").unlink()

    others = run(home, "reap", LOGNAME="somebody-else")
    shown = run(home, "reap", "--dry-run").last("fleet")

    assert [line for line in others.lines if line["kind"] == "fleet"] == []
    assert (shown["transfer_id"], shown["removed"], shown["reason"]) == (
        command.transfer_id,
        False,
        "its client is dead",
    )
    assert list((home / "transfers" / command.transfer_id / "keys").iterdir())
    assert len({line.split()[1] for line in processes_of(home)}) == 2

    reaped = run(home, "reap").last("fleet")

    assert (reaped["gateways"], reaped["removed"]) == (2, True)
    assert left_of(home) == []
    arrived = contents(tmp_path / "out")
    assert arrived == {name: files[name] for name in arrived}

    resumed = run(home, "resume", command.transfer_id)

    assert resumed.process.returncode == 0
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["creating", "deploying", "removing"])
def test_a_client_killed_in_any_phase_leaves_nothing_that_reap_does_not_find(
    home: Path, tmp_path: Path, phase: str
) -> None:
    plant(tmp_path / "in", small=5, large=0)
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out")) as command:
        command.until_phase(phase)
        command.kill_9()

    run(home, "reap")

    assert processes_of(home) == []
