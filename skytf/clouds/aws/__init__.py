"""AWS: fleets are found by tag in every enabled region and in IAM, removed in order, and quota is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from skytf.clouds.aws import checks, found, quota, removal
from skytf.clouds.aws.account import Account
from skytf.clouds.base import Check, FleetTag, Quota
from skytf.clouds.removal import remove_fleet
from skytf.clouds.tags import fleets


class AwsCloud:
    """The account that the standard chain of credentials opens; the home does not matter to it."""

    def __init__(self, home: Path) -> None:
        self._account = Account()

    def environment(self) -> Mapping[str, str]:
        """Return nothing: Terraform's provider follows the same chain."""
        return {}

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return nothing: the module looks up all it needs."""
        return {}

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """Return how many more fit into the vCPU quota of the type's family; None for a family that has none."""
        return quota.quota(self._account, region, instance_type, spot=spot)

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """Return the fleets of *owner*, of everybody if None; raises as the contract says."""
        return fleets(found.find(self._account), owner)

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """Remove what carries the tag; then look again whether anything still does."""
        find, remove = partial(found.find, self._account), partial(removal.remove, self._account)
        return remove_fleet("AWS", find, remove, transfer_id=transfer_id, owner=owner)

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """Return whose credentials these are, what they may do, whether EC2 answers, and the quota of *regions*."""
        return tuple(checks.checks(self._account, regions, self.quota))
