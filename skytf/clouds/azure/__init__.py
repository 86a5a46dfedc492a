"""
Azure: fleets are whole resource groups that carry a tag, and roles that a description tells; usages are read.

Written after Azure's public documentation, and tested against answers that were written by hand after it. It was never
run on the real cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from skytf.clouds.azure import checks, found, quota, removal
from skytf.clouds.azure.account import TITLE, Account
from skytf.clouds.base import Check, FleetTag, Quota
from skytf.clouds.removal import remove_fleet
from skytf.clouds.rest import CloudDenied
from skytf.clouds.tags import fleets

_STORAGE_VERSION = "2023-05-01"
_STORAGE = "storage_account/"


class AzureCloud:
    """
    The subscriptions that Azure's chain of credentials opens; the home does not matter to it.

    Args:
        home: Where skytf keeps its state.
        arm_url: Where Azure Resource Manager answers; by default that of the cloud which ARM_ENVIRONMENT names.
    """

    def __init__(self, home: Path, arm_url: str = "") -> None:
        self._account = Account(arm_url)

    def environment(self) -> Mapping[str, str]:
        """Return nothing: Terraform's provider asks ``az`` too, or reads ARM_* variables, as this does."""
        return {}

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return subscription, storage accounts by resource id, whether hosts encrypt; raises as the contract says."""
        return dict(self._facts(tuple(names)))

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """Return which quota ends first: vCPUs of the size's family, or of the region."""
        return quota.quota(self._account, region, instance_type, spot=spot)

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """Return the fleets of *owner*, of everybody if None; raises as the contract says."""
        return fleets(found.find(self._account), owner)

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """Remove what is tagged or described so; then look again whether anything still is."""
        find, remove = partial(found.find, self._account), partial(removal.remove, self._account)
        return remove_fleet(TITLE, find, remove, transfer_id=transfer_id, owner=owner)

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """Return whose subscription this is, what is allowed and registered, and the quota of *regions*."""
        return tuple(checks.find(self._account, regions, self.quota))

    def _facts(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        subscription = self._account.subscription()
        if "subscription" in names:
            yield "subscription", subscription
        if "encryption_at_host" in names:
            yield "encryption_at_host", checks.encryption_at_host(self._account, subscription)
        wanted = {name.removeprefix(_STORAGE) for name in names if name.startswith(_STORAGE)}
        if wanted:
            yield from ((f"{_STORAGE}{name}", path) for name, path in self._storage_accounts() if name in wanted)

    def _storage_accounts(self) -> Iterator[tuple[str, str]]:
        """Yield name and resource id; a name is one in all of Azure, so any subscription will do."""
        path = "providers/Microsoft.Storage/storageAccounts"
        for subscription in self._account.subscriptions():
            try:
                listed = self._account.listed(path, subscription, **{"api-version": _STORAGE_VERSION})
            except CloudDenied:
                continue
            yield from ((one["name"], one["id"]) for one in listed)
