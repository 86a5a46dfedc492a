"""Fleets that are left in a cloud, without any state: found by their tags, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import bundle as bundles
from skytf.bundle import Bundle
from skytf.home import Home, Status
from skytf.localvm.machine import Machine
from skytf.model.rehearsal import Rehearsing
from skytf.reap import reap
from skytf.rehearsal.stage import staged
from skytf.transfer import BUNDLE_DIR
from tests.servers import S3Server
from tests.skytf.clouds.aws_world import AwsWorld, aws_world
from tests.skytf.clouds.conformance import FIRST, MINE, OTHERS, SECOND
from tests.skytf.rehearsal.plans import bundle

LONG_AGO_S = 1_600_000_000.0


@pytest.fixture
def world(aws_server: S3Server, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsWorld]:
    with aws_world(aws_server, closed_port, monkeypatch) as world:
        yield world


def test_an_expired_fleet_is_removed_from_the_cloud_and_a_living_one_is_not(tmp_path: Path, world: AwsWorld) -> None:
    world.plant(SECOND)
    before = world.names()
    world.plant(replace(FIRST, expires_s=LONG_AGO_S))

    reaping = reap(Home(tmp_path), MINE, dry_run=False, all_owners=False, force=False)

    assert [(one.transfer_id, one.cloud, one.removed) for one in reaping.fleets] == [
        (FIRST.transfer_id, "aws", True),
        (SECOND.transfer_id, "aws", False),
    ]
    assert world.names() == before


def test_a_dry_run_shows_it_and_removes_nothing(tmp_path: Path, world: AwsWorld) -> None:
    world.plant(replace(SECOND, expires_s=LONG_AGO_S))
    world.plant(OTHERS)
    before = world.names()

    reaping = reap(Home(tmp_path), MINE, dry_run=True, all_owners=False, force=False)

    assert [(one.transfer_id, one.removed, one.reason) for one in reaping.fleets] == [
        (SECOND.transfer_id, False, "it is expired")
    ]
    assert world.names() == before


def test_what_has_no_owner_in_an_account_is_not_taken_for_nobodys(tmp_path: Path, world: AwsWorld) -> None:
    world.plant(replace(SECOND, owner=""))
    before = world.names()

    reaping = reap(Home(tmp_path), MINE, dry_run=False, all_owners=False, force=False)

    assert [(one.transfer_id, one.removed) for one in reaping.fleets] == [(SECOND.transfer_id, False)]
    assert world.names() == before


def test_a_cloud_without_credentials_is_named_and_stops_nothing(tmp_path: Path, world: AwsWorld) -> None:
    world.sign_out()
    Machine.parse(tmp_path / "local", f"{FIRST.transfer_id}/gw-0").directory.mkdir(parents=True)

    reaping = reap(Home(tmp_path), MINE, dry_run=False, all_owners=False, force=False)

    assert [(one.cloud, one.removed) for one in reaping.fleets] == [("local", True)]
    (unsearched,) = [one for one in reaping.unsearched if one.cloud == "aws"]
    assert "not signed in" in unsearched.reason
    assert "aws configure" in unsearched.hint


def lost(home: Path, given: Bundle, *, fleet: bool, outcome: str = "") -> Path:
    """The directory of a transfer of *given* whose client was killed, with its *fleet* or without."""
    directory = Home(home).create(FIRST.transfer_id)
    bundles.write(directory.root / BUNDLE_DIR, given.files)
    # No process has started before there was a machine.
    directory.set_status(Status(FIRST.transfer_id, "transferring", MINE, 1, 0.0, outcome))
    if fleet:
        Machine.parse(home / "local", f"{FIRST.transfer_id}/gw-0").directory.mkdir(parents=True)
    return directory.root


@pytest.mark.parametrize(("fleet", "outcome"), [(True, ""), (False, ""), (True, "interrupted")])
def test_nothing_of_a_lost_rehearsal_is_left(tmp_path: Path, world: AwsWorld, outcome: str, *, fleet: bool) -> None:
    world.sign_out()
    directory = lost(tmp_path, staged(bundle(), Rehearsing()).bundle, fleet=fleet, outcome=outcome)

    reaping = reap(Home(tmp_path), MINE, dry_run=False, all_owners=False, force=False)

    assert [one.removed for one in reaping.fleets] == [True] * fleet
    assert not directory.exists()


def test_a_dry_run_leaves_a_lost_rehearsal(tmp_path: Path, world: AwsWorld) -> None:
    world.sign_out()
    directory = lost(tmp_path, staged(bundle(), Rehearsing()).bundle, fleet=True)

    reap(Home(tmp_path), MINE, dry_run=True, all_owners=False, force=False)

    assert (directory / BUNDLE_DIR).exists()


def test_a_lost_transfer_can_be_resumed_after_its_fleet_is_gone(tmp_path: Path, world: AwsWorld) -> None:
    world.sign_out()
    directory = lost(tmp_path, bundle(), fleet=False)

    reap(Home(tmp_path), MINE, dry_run=False, all_owners=False, force=False)

    assert (directory / BUNDLE_DIR).exists()
