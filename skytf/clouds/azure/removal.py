"""Remove what was found in Azure: rights first, then a whole resource group at once."""

from __future__ import annotations

from collections.abc import Sequence

from skytf.clouds.azure import found
from skytf.clouds.azure.account import Account
from skytf.clouds.azure.found import Found
from skytf.clouds.removal import in_order

_ROLES = {"api-version": "2022-04-01"}
# VMs of such a group are not shut down in order: there is nothing on them that is needed.
_GROUPS = {"api-version": "2021-04-01", "forceDeletionTypes": "Microsoft.Compute/virtualMachines"}
_MACHINES = {"api-version": "2024-07-01"}
# A role that was taken from everybody is still held for a moment; a group that somebody deletes is busy.
_HELD = ("RoleDefinitionHasAssignments", "AnotherOperationInProgress", "RetryableError")


def remove(account: Account, resources: Sequence[Found]) -> tuple[str, ...]:
    """
    Remove *resources*; return those that were there, in words, in the order of removal.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Something could not be removed; everything else was tried.
    """

    def delete_right(one: Found) -> bool:
        return account.rest.delete(account.url(one.id), **_ROLES).found

    def delete_group(one: Found) -> bool:
        answer = account.rest.delete(account.url(one.id), **_GROUPS)
        account.settle(answer)
        return answer.found

    def went_with_its_group(one: Found) -> bool:
        return not account.rest.ask("GET", account.url(one.id), query=_MACHINES).found

    removals = {
        found.ASSIGNMENT: delete_right,
        found.DEFINITION: delete_right,
        found.GROUP: delete_group,
        found.MACHINE: went_with_its_group,
    }
    return in_order(resources, removals, held=_HELD)
