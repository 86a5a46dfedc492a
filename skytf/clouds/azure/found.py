"""What Azure subscriptions hold of a transfer: tagged resource groups, and roles that a description tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from skytf.clouds.azure.account import Account
from skytf.clouds.rest import CloudDenied, NotThere
from skytf.clouds.tags import TRANSFER, Tagged, described

ASSIGNMENT = "role assignment"
DEFINITION = "role definition"
GROUP = "resource group"
MACHINE = "virtual machine"

_SUBSCRIPTIONS_AT_ONCE = 8
_RESOURCES_VERSION = "2021-04-01"
_ROLES_VERSION = "2022-04-01"
_ROLES = "providers/Microsoft.Authorization"
_MACHINES = "Microsoft.Compute/virtualMachines"


@dataclass(frozen=True, slots=True)
class Found(Tagged):
    """One resource; ``id`` is Azure's, a path below Azure Resource Manager."""

    id: str


def find(account: Account) -> tuple[Found, ...]:
    """
    Return what is tagged or described as of some transfer, in every subscription that can be seen.

    Of what a group holds only VMs are named, which say which gateways there are. What may not be listed is passed
    over, unless no subscription lets its groups be listed.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Azure could not be asked.
    """
    subscriptions = account.subscriptions()
    with ThreadPoolExecutor(_SUBSCRIPTIONS_AT_ONCE, thread_name_prefix="azure-find") as pool:
        groups = list(pool.map(lambda one: _unless_denied(_groups, account, one), subscriptions))
        roles = list(pool.map(lambda one: _unless_denied(_roles, account, one), subscriptions))
    if subscriptions and all(one is None for one in groups):
        list(_groups(account, subscriptions[0]))  # refused everywhere: that is an error, and this raises it
    return tuple(chain(*(some or () for some in (*groups, *roles))))


def _groups(account: Account, subscription: str) -> Iterator[Found]:
    query = {"api-version": _RESOURCES_VERSION, "$filter": f"tagName eq '{TRANSFER}'"}
    for group in account.listed("resourcegroups", subscription, **query):
        tags = group.get("tags") or {}
        held = {"api-version": _RESOURCES_VERSION, "$filter": f"resourceType eq '{_MACHINES}'"}
        try:
            machines = account.listed(f"resourceGroups/{group['name']}/resources", subscription, **held)
        except NotThere:  # it went after it was listed: another transfer may be ending just now
            continue
        yield Found(GROUP, group["name"], group["location"], tags, group["id"])
        for machine in machines:
            yield Found(MACHINE, machine["name"], group["location"], {**tags, **machine.get("tags", {})}, machine["id"])


def _roles(account: Account, subscription: str) -> Iterator[Found]:
    """Yield what stays when a group is gone: rights on containers, and the roles that give them."""
    version = {"api-version": _ROLES_VERSION}
    for one in account.listed(f"{_ROLES}/roleAssignments", subscription, **version):
        if tags := _ours(one["properties"].get("description")):
            yield Found(ASSIGNMENT, one["name"], "", tags, one["id"])
    for one in account.listed(f"{_ROLES}/roleDefinitions", subscription, **version, **{"$filter": "atScopeAndBelow()"}):
        properties = one["properties"]
        if properties.get("type") == "CustomRole" and (tags := _ours(properties.get("description"))):
            yield Found(DEFINITION, properties["roleName"], "", tags, one["id"])


def _ours(description: str | None) -> dict[str, str]:
    tags = described(description or "")
    return tags if TRANSFER in tags else {}


def _unless_denied(
    ask: Callable[[Account, str], Iterable[Found]], account: Account, subscription: str
) -> tuple[Found, ...] | None:
    try:
        return tuple(ask(account, subscription))
    except CloudDenied:
        return None
