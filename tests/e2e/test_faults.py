"""Whoever dies during a transfer: no wrong byte, a clear report, nothing left."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import Client, Hooks
from skytf.errors import TransferFailed
from tests.e2e.test_copy import copy
from tests.e2e.trees import SMALL, contents, plant
from tests.e2e.victims import Midway, busy_source, daemons, kill_9, slow, ssh_servers


def strike_at(home: Path, who: str) -> Midway:
    """Return hooks that kill a gateway midway: ``busy source`` is the one that holds the only shard."""
    return Midway(lambda: kill_9(daemons(home), busy_source(home) if who == "busy source" else who))


class NoRoomAtTheEnd(Hooks):
    """Let this process have no place for temporary files when the fleet is to go."""

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._patch = patch

    def on_phase(self, phase: str, text: str) -> None:
        if phase == "destroying":
            self._patch.setattr(tempfile, "tempdir", str(self._directory))


@pytest.mark.parametrize("who", ["busy source", "local-b-1"])
def test_others_finish_what_a_killed_gateway_had_begun(home: Path, tmp_path: Path, who: str) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = strike_at(home, who)

    report = Client(home=home, hooks=hooks).copy([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=40))

    assert hooks.struck
    assert report is not None
    assert report.outcome == "done"
    (lost,) = report.gateways_lost
    assert lost == who or lost.startswith("local-a-")
    assert any(lost in warning for warning in report.warnings)
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
def test_another_relay_takes_over_from_a_killed_one(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = strike_at(home, "local-r-0")
    options = slow(replace(SMALL, via="local:r"), mbps=40, source="local:r")

    report = Client(home=home, hooks=hooks).copy([copy(tmp_path / "in", tmp_path / "out")], options)

    assert hooks.struck
    assert report is not None
    assert (report.outcome, report.gateways_lost) == ("done", ("local-r-0",))
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
def test_a_killed_ssh_server_costs_its_gateway(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = Midway(lambda: kill_9(ssh_servers(home), "local-b-0"))

    report = Client(home=home, hooks=hooks).copy([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=40))

    assert report is not None
    assert (report.outcome, report.gateways_lost) == ("done", ("local-b-0",))
    assert contents(tmp_path / "out") == files


def test_without_any_sink_it_fails_and_leaves_nothing_half_written(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = Midway(lambda: kill_9(daemons(home), "local-b-0", "local-b-1"))
    client = Client(home=home, hooks=hooks)

    with pytest.raises(TransferFailed, match=r"no gateway is left of local-b-0, local-b-1") as failed:
        client.copy([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=40))

    assert "skytf resume" in failed.value.hint
    arrived = contents(tmp_path / "out")
    assert arrived == {name: files[name] for name in arrived}
    assert 0 < len(arrived) < len(files)


def test_where_terraform_cannot_even_be_run_the_fleet_goes_by_its_tag(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path / "in", small=3)
    hooks = NoRoomAtTheEnd(tmp_path / "gone", monkeypatch)

    report = Client(home=home, hooks=hooks).copy([copy(tmp_path / "in", tmp_path / "out")], replace(SMALL, instances=1))
    monkeypatch.undo()

    assert report is not None
    (left,) = report.left
    assert f"skytf resume {report.transfer_id}" in left
    assert daemons(home) == {}
    resumed = Client(home=home).resume()
    assert resumed is not None
    assert (resumed.outcome, resumed.left) == ("done", ())
