"""What every adapter must do, whatever the cloud: a test class per cloud inherits `CloudConformance`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Protocol

import pytest

from skytf.clouds.base import CREDENTIALS, Cloud, FleetTag, NotSignedIn
from skytf.errors import SkytfError

MINE = "tester"
SOMEBODY = "somebody"
EXPIRES_S = 2208988800.0  # 2040-01-01
TAGS = {"purpose": "test"}


class World(Protocol):
    """One cloud's account, which tests fill as its Terraform module would, and look at behind the adapter's back."""

    def plant(self, fleet: FleetTag) -> None:
        """Make everything that the module makes for *fleet*: network, firewall, identity, a VM per gateway."""
        ...

    def plant_half(self, fleet: FleetTag) -> None:
        """Make what an apply that was interrupted leaves of *fleet*: no gateway is there yet."""
        ...

    def plant_stranger(self) -> None:
        """Make a VM and what belongs to it that have nothing to do with skytf, tagged by somebody."""
        ...

    def names(self) -> frozenset[str]:
        """Return everything in the account that counts (what a cloud still shows of a deleted VM does not)."""
        ...

    def sign_out(self) -> None:
        """Take the credentials away: the cloud's standard chain finds none."""
        ...

    def expire(self) -> None:
        """Leave the credentials where they are, but let the cloud say that they are expired."""
        ...

    def deny(self) -> None:
        """Leave the credentials good, but let the cloud refuse whatever is asked with them."""
        ...

    def unplug(self) -> None:
        """Let nobody answer where the cloud should be."""
        ...


def fleet(transfer_id: str, owner: str = MINE, gateways: tuple[str, ...] = ("gw-0", "gw-1")) -> FleetTag:
    """Return what should be found of a fleet with this id, as `World.plant` takes it."""
    return FleetTag(transfer_id, owner, EXPIRES_S, gateways, TAGS)


FIRST = fleet("20261122-164001-aaaaaa")
SECOND = fleet("20261122-164002-bbbbbb", gateways=("gw-0",))
OTHERS = fleet("20261122-164003-cccccc", owner=SOMEBODY, gateways=("gw-0",))
HALF = fleet("20261122-164004-dddddd", gateways=())


class CloudConformance:
    """Needs two fixtures of its class, `cloud` (the adapter, which sees `world`) and `world`."""

    def test_in_an_empty_account_nothing_is_found_and_nothing_removed(self, cloud: Cloud) -> None:
        assert cloud.find() == ()
        assert cloud.find(MINE) == ()
        assert cloud.delete(FIRST.transfer_id) == ()

    def test_fleets_are_found_with_what_their_tags_say_sorted_by_transfer(self, cloud: Cloud, world: World) -> None:
        world.plant(SECOND)
        world.plant(FIRST)

        assert cloud.find() == (FIRST, SECOND)

    def test_what_is_not_ours_is_not_found(self, cloud: Cloud, world: World) -> None:
        world.plant_stranger()

        assert cloud.find() == ()

    def test_the_fleets_of_owners_are_kept_apart(self, cloud: Cloud, world: World) -> None:
        world.plant(SECOND)
        world.plant(OTHERS)

        assert cloud.find(MINE) == (SECOND,)
        assert cloud.find(SOMEBODY) == (OTHERS,)
        assert cloud.find("nobody") == ()

    def test_somebody_elses_fleet_is_left_alone_when_an_owner_is_named(self, cloud: Cloud, world: World) -> None:
        world.plant(OTHERS)
        before = world.names()

        removed = cloud.delete(OTHERS.transfer_id, owner=MINE)

        assert removed == ()
        assert world.names() == before

    def test_everything_of_one_transfer_is_removed_and_nothing_else(self, cloud: Cloud, world: World) -> None:
        world.plant_stranger()
        world.plant(SECOND)
        world.plant(OTHERS)
        before = world.names()
        world.plant(FIRST)

        removed = cloud.delete(FIRST.transfer_id, owner=MINE)

        assert world.names() == before
        assert cloud.find() == (SECOND, OTHERS)
        assert len(removed) >= len(FIRST.gateways)

    def test_what_was_removed_is_said_once_and_then_there_is_nothing_left(self, cloud: Cloud, world: World) -> None:
        world.plant(FIRST)

        first = cloud.delete(FIRST.transfer_id)
        second = cloud.delete(FIRST.transfer_id)

        assert first
        assert all(first)
        assert len(set(first)) == len(first)
        assert second == ()

    def test_one_cloud_can_be_asked_for_the_next_transfer(self, cloud: Cloud, world: World) -> None:
        world.plant(FIRST)
        world.plant(SECOND)

        cloud.delete(FIRST.transfer_id)
        cloud.delete(SECOND.transfer_id)

        assert cloud.find() == ()

    def test_every_check_of_a_good_account_names_itself_once(self, cloud: Cloud, world: World) -> None:
        checks = cloud.check()

        assert [check for check in checks if not check.ok] == []
        assert len({check.name for check in checks}) == len(checks)
        assert all(check.found for check in checks)


class RemoteConformance(CloudConformance):
    """What is true beside of every cloud that is not this machine."""

    half_tags: ClassVar[Mapping[str, str]] = TAGS  # what is found of a fleet without gateways carries of them

    def test_half_a_fleet_is_found_and_removed(self, cloud: Cloud, world: World) -> None:
        before = world.names()
        world.plant_half(HALF)

        found = cloud.find()
        removed = cloud.delete(HALF.transfer_id)

        assert found == (replace(HALF, tags=self.half_tags),)
        assert removed
        assert world.names() == before
        assert cloud.find() == ()

    def test_the_checks_begin_with_the_credentials(self, cloud: Cloud, world: World) -> None:
        checks = cloud.check()

        assert checks[0].name == CREDENTIALS
        assert len(checks) > 1

    def test_without_credentials_the_command_that_signs_in_is_named(self, cloud: Cloud, world: World) -> None:
        world.sign_out()

        assert_not_signed_in(cloud)

    def test_with_expired_credentials_the_command_that_signs_in_is_named(self, cloud: Cloud, world: World) -> None:
        world.expire()

        assert_not_signed_in(cloud)

    def test_a_cloud_that_refuses_is_an_error_and_not_a_sign_in(self, cloud: Cloud, world: World) -> None:
        world.deny()

        with pytest.raises(SkytfError) as raised:
            cloud.find()

        assert not isinstance(raised.value, NotSignedIn)
        assert raised.value.hint
        assert_checks_say_what_to_do(cloud)

    def test_a_cloud_that_cannot_be_reached_is_an_error_and_not_a_sign_in(self, cloud: Cloud, world: World) -> None:
        world.unplug()

        with pytest.raises(SkytfError) as raised:
            cloud.find()

        assert not isinstance(raised.value, NotSignedIn)
        assert_checks_say_what_to_do(cloud)


def assert_not_signed_in(cloud: Cloud) -> None:
    """Every question is `NotSignedIn` with a hint, but for the checks: these say it."""
    with pytest.raises(NotSignedIn) as finding:
        cloud.find()
    with pytest.raises(NotSignedIn) as deleting:
        cloud.delete(FIRST.transfer_id)
    (check,) = cloud.check()
    assert finding.value.hint
    assert deleting.value.hint == finding.value.hint
    assert (check.name, check.ok, check.hint) == (CREDENTIALS, False, finding.value.hint)


def assert_checks_say_what_to_do(cloud: Cloud) -> None:
    """Something is not ok, and each such thing has a hint."""
    bad = [check for check in cloud.check() if not check.ok]
    assert bad
    assert all(check.found and check.hint for check in bad)
