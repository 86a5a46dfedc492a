"""Azure Resource Manager, as far as its documentation says it: written by hand, never recorded from the cloud."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from skytf.clouds.base import FleetTag
from skytf.clouds.tags import EXPIRES, GATEWAY, OWNER, TRANSFER, expiry_tag
from tests.skytf.clouds.answers import AnswerServer, Reply, Request, answer_server

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
SECOND_SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
REGIONS = ("westeurope", "eastus")
ACCOUNT = "storageone"
ACCOUNT_ID = (
    f"/subscriptions/{SECOND_SUBSCRIPTION}/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
)
_CONTAINER = f"{ACCOUNT_ID}/blobServices/default/containers/in"
_ROLES = "/providers/Microsoft.Authorization"
_PAGE = 2
_GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+", re.IGNORECASE)


@dataclass
class AzureWorld:
    """What the tests do to two subscriptions; everything in them by its id, and ``body`` as a list shows it."""

    patch: pytest.MonkeyPatch
    tokens: AnswerServer
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleting: dict[str, int] = field(default_factory=dict)
    usages: list[dict[str, Any]] = field(default_factory=list)
    permissions: list[dict[str, Any]] = field(default_factory=lambda: [{"actions": ["*"], "notActions": []}])
    registered: dict[str, str] = field(default_factory=dict)
    subscriptions: list[str] = field(default_factory=lambda: [SUBSCRIPTION, SECOND_SUBSCRIPTION])
    held_for: int = 0
    groups_vanish: bool = False
    broken: tuple[int, str, str] | None = None
    plug: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    server: AnswerServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.plug.enter_context(answer_server(self._answer))

    def sign_in(self) -> None:
        """Be a workload with a managed identity, as in App Service: the only one whose tokens come by plain HTTP."""
        self.patch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        self.patch.setenv("IDENTITY_ENDPOINT", f"{self.tokens.url}/token")
        self.patch.setenv("IDENTITY_HEADER", "secret")
        self.patch.setenv("ARM_SUBSCRIPTION_ID", SUBSCRIPTION)

    def sign_out(self) -> None:
        self.patch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
        self.patch.delenv("IDENTITY_ENDPOINT")
        self.patch.delenv("IDENTITY_HEADER")

    def expire(self) -> None:
        self.broken = (401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")

    def deny(self) -> None:
        self.broken = (403, "AuthorizationFailed", "The client does not have authorization to perform action")

    def unplug(self) -> None:
        self.plug.close()

    def plant(self, fleet: FleetTag) -> None:
        """Make *fleet*, a resource group in each of two regions, its gateways by turns."""
        for turn, region in enumerate(REGIONS):
            if gateways := fleet.gateways[turn :: len(REGIONS)]:
                group = self._make_group(fleet, region)
                for gateway in gateways:
                    name = f"skytf-{fleet.transfer_id}-{gateway}"
                    tags = {**_tags(fleet), GATEWAY: gateway}
                    self._make(f"{group}/providers/Microsoft.Compute/virtualMachines/{name}", tags=tags)
                    self._make(f"{group}/providers/Microsoft.Network/publicIPAddresses/{name}", tags=tags)

    def plant_half(self, fleet: FleetTag) -> None:
        self._make_group(fleet, REGIONS[0])

    def plant_stranger(self) -> None:
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/others"
        self._make(group, location=REGIONS[0], tags={"team": "others"})
        self._make(f"{group}/providers/Microsoft.Compute/virtualMachines/web", tags={"team": "others"})
        self._make_role(f"/subscriptions/{SUBSCRIPTION}", "roleDefinitions", "others-role", "of others", "CustomRole")
        self._make_role(f"/subscriptions/{SUBSCRIPTION}", "roleDefinitions", "Reader", None, "BuiltInRole")
        self._make_role(ACCOUNT_ID, "roleAssignments", "others", None)

    def plant_roles(self, fleet: FleetTag) -> None:
        """Leave what stays when the gateways deleted their group: roles, and rights on a container."""
        for region in REGIONS:
            self._make_roles(fleet, region, _CONTAINER)

    def names(self) -> frozenset[str]:
        return frozenset(self.resources)

    def _make_group(self, fleet: FleetTag, region: str) -> str:
        site = f"skytf-{fleet.transfer_id}-{region}"
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{site}"
        self._make(group, location=region, tags=_tags(fleet))
        self._make(f"{group}/providers/Microsoft.Network/virtualNetworks/{site}", tags=_tags(fleet))
        self._make_roles(fleet, region, group)
        self._make_roles(fleet, f"{region}-write", _CONTAINER)
        return group

    def _make_roles(self, fleet: FleetTag, noun: str, scope: str) -> None:
        said = {TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}
        description = "Gateways. " + " ".join(f"{name}={text}" for name, text in said.items())
        name = f"skytf-{fleet.transfer_id}-{noun}"
        self._make_role(f"/subscriptions/{SUBSCRIPTION}", "roleDefinitions", name, description, "CustomRole")
        self._make_role(scope, "roleAssignments", name, description)

    def _make_role(self, scope: str, kind: str, name: str, description: str | None, type_: str = "") -> None:
        properties = {"description": description, "roleName": name, "type": type_}
        self._make(f"{scope}{_ROLES}/{kind}/{name}", properties=properties)

    def _make(self, path: str, **fields: Any) -> None:
        self.resources[path] = {"id": path, "name": path.rpartition("/")[2], **fields}

    def _answer(self, request: Request) -> Reply:
        if self.broken:
            return _error(*self.broken)
        assert request.headers["Authorization"] == "Bearer token"
        assert request.query["api-version"]
        if request.path == "/subscriptions":
            return self._page(request, [{"subscriptionId": one, "state": "Enabled"} for one in self.subscriptions])
        if request.path.startswith("/operations/"):
            return self._operation(request.path.removeprefix("/operations"))
        if request.method == "DELETE":
            return self._delete(request)
        return self._get(request)

    def _get(self, request: Request) -> Reply:
        if request.path in self.resources:
            return Reply(self.resources[request.path])
        if self.groups_vanish and request.path.endswith("/resources"):
            return _error(404, "ResourceGroupNotFound", request.path)
        listed = self._listed(request)
        if listed is not None:
            return self._page(request, listed)
        return self._about("/".join(request.path.split("/")[3:]))

    def _listed(self, request: Request) -> list[dict[str, Any]] | None:
        subscription = request.path.split("/")[2]
        below, kind = f"/subscriptions/{subscription}", request.path.rpartition("/")[2]
        if kind == "resourcegroups":
            assert request.query["$filter"] == f"tagName eq '{TRANSFER}'"
            return [one for one in self._of(below, _GROUP) if TRANSFER in one["tags"]]
        if kind == "resources":
            assert request.query["$filter"] == "resourceType eq 'Microsoft.Compute/virtualMachines'"
            return self._of(request.path.removesuffix("/resources"), re.compile(".*/virtualMachines/[^/]+"))
        if kind in ("roleAssignments", "roleDefinitions"):
            return self._of(below, re.compile(f".*{_ROLES}/{kind}/[^/]+"))
        others: dict[str, list[dict[str, Any]]] = {
            "storageAccounts": [{"id": ACCOUNT_ID, "name": ACCOUNT}] * (subscription == SECOND_SUBSCRIPTION),
            "permissions": self.permissions,
            "usages": self.usages,
        }
        return others.get(kind)

    def _about(self, path: str) -> Reply:
        if path.endswith("/EncryptionAtHost"):
            return Reply({"properties": {"state": "NotRegistered"}})
        if namespace := re.fullmatch(r"providers/(Microsoft\.\w+)", path):
            return Reply({"registrationState": self.registered.get(namespace[1], "Registered")})
        return Reply({"displayName": "Tests"}) if not path else _error(404, "ResourceNotFound", path)

    def _delete(self, request: Request) -> Reply:
        path = request.path
        if path not in self.resources:
            return Reply(status=204) if "/roleAssignments/" in path else _error(404, "ResourceNotFound", path)
        if "/roleDefinitions/" in path and self.held_for:
            self.held_for -= 1
            return _error(400, "RoleDefinitionHasAssignments", "There are existing role assignments")
        if not _GROUP.fullmatch(path):
            del self.resources[path]
            return Reply({})
        assert request.query["forceDeletionTypes"] == "Microsoft.Compute/virtualMachines"
        self.deleting[path] = 2
        return Reply(status=202, headers={"Location": f"{self.server.url}/operations{path}?api-version=2021-04-01"})

    def _operation(self, group: str) -> Reply:
        """Be asked once before the group is gone, with all that is in it."""
        self.deleting[group] -= 1
        if self.deleting[group]:
            return Reply(status=202)
        for path in [one for one in self.resources if one == group or one.startswith(f"{group}/")]:
            del self.resources[path]
        return Reply({})

    def _of(self, below: str, wanted: re.Pattern[str]) -> list[dict[str, Any]]:
        return [
            one
            for path, one in sorted(self.resources.items())
            if path.startswith(f"{below}/") and wanted.fullmatch(path)
        ]

    def _page(self, request: Request, held: list[dict[str, Any]]) -> Reply:
        start = int(request.query.get("$skiptoken", 0))
        body: dict[str, Any] = {"value": held[start : start + _PAGE]}
        if len(held) > start + _PAGE:
            query = "&".join(f"{name}={text}" for name, text in request.query.items() if name != "$skiptoken")
            body["nextLink"] = f"{self.server.url}{request.path}?{query}&$skiptoken={start + _PAGE}"
        return Reply(body)


@contextlib.contextmanager
def azure_world(patch: pytest.MonkeyPatch) -> Iterator[AzureWorld]:
    """Run both servers, and sign in."""
    for name in ("ARM_CLIENT_ID", "AZURE_CLIENT_ID", "AZURE_SUBSCRIPTION_ID", "MSI_ENDPOINT", "ARM_ENVIRONMENT"):
        patch.delenv(name, raising=False)
    patch.setattr("skytf.clouds.removal._FIRST_PAUSE_S", 0.01)
    patch.setattr("skytf.clouds.azure.account._PAUSE_S", 0.01)
    with answer_server(_token) as tokens:
        world = AzureWorld(patch, tokens)
        world.sign_in()
        with world.plug:
            yield world


def _token(request: Request) -> Reply:
    assert request.headers["X-IDENTITY-HEADER"] == "secret"
    expires_s = int(time.time()) + 3600
    return Reply({"access_token": "token", "expires_on": str(expires_s), "resource": "r", "token_type": "Bearer"})


def _tags(fleet: FleetTag) -> Mapping[str, str]:
    return {
        **fleet.tags,
        TRANSFER: fleet.transfer_id,
        OWNER: fleet.owner,
        EXPIRES: expiry_tag(fleet.expires_s),
    }


def _error(status: int, code: str, message: str) -> Reply:
    return Reply({"error": {"code": code, "message": message}}, status)
