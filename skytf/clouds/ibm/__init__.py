"""
IBM Cloud: fleets are found by name and tag in every region, and in IAM, and removed in order.

Written after IBM's public documentation, and tested against answers that were written by hand after it. It was never
run on the real cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from skytf.clouds.base import Check, FleetTag, Quota
from skytf.clouds.ibm import checks, found, groups, removal
from skytf.clouds.ibm.account import TITLE, Account
from skytf.clouds.removal import remove_fleet
from skytf.clouds.tags import fleets

_INSTANCE = "cos_instance/"


class IbmCloud:
    """
    The account that an API key or token opens; the home does not matter to it.

    Args:
        home: Where skytf keeps its state.
        vpc_url: Where the VPC API of a region answers, ``{region}`` in it stands for the region.
    """

    def __init__(self, home: Path, vpc_url: str = "") -> None:
        self._account = Account(vpc_url)

    def environment(self) -> Mapping[str, str]:
        """Return the API key of a file of IBM's SDKs, which Terraform's provider does not read; else nothing."""
        key = self._account.key_of_file
        return {"IC_API_KEY": key} if key else {}

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the resource group, and the Object Storage instances of buckets; raises as the contract says."""
        return dict(self._facts(names))

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """Return None: accounts have a limit of vCPUs in each region, but no API of IBM tells it."""
        return None

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """Return the fleets of *owner*, of everybody if None; raises as the contract says."""
        return fleets(found.find(self._account), owner)

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """Remove what is named, tagged or described so; then look again whether anything still is."""
        find, remove = partial(found.find, self._account), partial(removal.remove, self._account)
        return remove_fleet(TITLE, find, remove, transfer_id=transfer_id, owner=owner)

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """Return whose credentials these are, what may be seen, the resource group, and whether *regions* answer."""
        return tuple(checks.find(self._account, regions, self.quota))

    def _facts(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            if name == "resource_group":
                found = groups.resource_group(self._account)
            elif name.startswith(_INSTANCE):
                found = groups.instance_of(self._account, name.removeprefix(_INSTANCE))
            else:
                continue
            if found:
                yield name, found
