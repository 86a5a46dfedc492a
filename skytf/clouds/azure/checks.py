"""What `skytf doctor` asks Azure: which subscription this is, what is allowed and registered, how much is left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from skytf.clouds import checks
from skytf.clouds.azure.account import LOGIN, Account
from skytf.clouds.base import CREDENTIALS, Check, Quota
from skytf.clouds.rest import CloudDenied
from skytf.errors import SkytfError

# One of each step of a transfer; terraform/azure/permissions.toml has them all.
ACTIONS = (
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkSecurityGroups/write",
    "Microsoft.Network/publicIPAddresses/write",
    "Microsoft.Network/virtualNetworks/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/write",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleDefinitions/write",
)
NAMESPACES = ("Microsoft.Compute", "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.Storage")

_SUBSCRIPTION_VERSION = "2022-12-01"
_PROVIDERS_VERSION = "2021-04-01"
_PERMISSIONS_VERSION = "2022-04-01"
_FEATURES_VERSION = "2021-07-01"
_ROLES = (
    "give the role that skytf permissions azure prints, or Contributor and User Access Administrator:"
    " az role assignment create --role ROLE --assignee USER"
)
_REGISTERED = "Registered"


def find(account: Account, regions: Sequence[str], quota: Callable[[str, str], Quota | None]) -> Iterator[Check]:
    """Yield what was found; where the credentials are not good, only that."""
    credentials = checks.asked(CREDENTIALS, lambda: _credentials(account), LOGIN)
    yield credentials
    if not credentials.ok:
        return
    try:
        subscription = account.subscription()
    except SkytfError:  # the checks below say by themselves what is not there
        subscription = ""
    yield checks.asked("network", lambda: _network(account, subscription))
    yield from _permissions(account, subscription)
    yield _providers(account, subscription)
    yield checks.asked("encryption at host", lambda: _encryption(account, subscription))
    for region in regions:
        yield checks.quota("azure", region, quota)


def encryption_at_host(account: Account, subscription: str) -> str:
    """Return the state of the feature by which VMs encrypt caches too; raises as `Rest.get` does."""
    path = "providers/Microsoft.Features/providers/Microsoft.Compute/features/EncryptionAtHost"
    answer = account.rest.get(account.url(path, subscription), **{"api-version": _FEATURES_VERSION})
    return str(answer["properties"]["state"])


def _credentials(account: Account) -> str:
    with contextlib.suppress(CloudDenied):  # who may not look at subscriptions has good credentials all the same
        account.subscriptions()
        return f"they open subscription {account.subscription()}"
    return "they give a token"


def _network(account: Account, subscription: str) -> str:
    answer = account.rest.get(account.url("", subscription).rstrip("/"), **{"api-version": _SUBSCRIPTION_VERSION})
    return f"Azure Resource Manager answers; the subscription is {answer.get('displayName', subscription)}"


def _permissions(account: Account, subscription: str) -> Iterator[Check]:
    missing: list[str] = []

    def ask() -> str:
        path = "providers/Microsoft.Authorization/permissions"
        granted = account.listed(path, subscription, **{"api-version": _PERMISSIONS_VERSION})
        missing.extend(action for action in ACTIONS if not any(_allows(one, action) for one in granted))
        return ""

    said = checks.asked("permissions", ask, _ROLES)
    yield checks.permissions(missing, len(ACTIONS), _ROLES) if said.ok else said


def _allows(granted: Any, action: str) -> bool:
    def matches(patterns: str) -> bool:
        return any(fnmatchcase(action.lower(), one.lower()) for one in granted.get(patterns, ()))

    return matches("actions") and not matches("notActions")


def _providers(account: Account, subscription: str) -> Check:
    states: dict[str, str] = {}

    def ask() -> str:
        for name in NAMESPACES:
            url = account.url(f"providers/{name}", subscription)
            answer = account.rest.get(url, **{"api-version": _PROVIDERS_VERSION})
            states[name] = str(answer.get("registrationState"))
        return f"registered: {', '.join(NAMESPACES)}"

    said = checks.asked("resource providers", ask)
    missing = [name for name, state in states.items() if state != _REGISTERED]
    if not said.ok or not missing:
        return said
    hint = "; ".join(f"az provider register --namespace {name}" for name in missing)
    return Check(said.name, ok=False, found=f"not registered: {', '.join(missing)}", hint=hint)


def _encryption(account: Account, subscription: str) -> str:
    state = encryption_at_host(account, subscription)
    return f"{state}{'' if state == _REGISTERED else ': disks are encrypted, caches of the host are not'}"
