"""A Google Cloud project that plays the documented answers: written by hand, never recorded from the cloud."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skytf.clouds.base import FleetTag
from skytf.clouds.tags import EXPIRES, GATEWAY, OWNER, TRANSFER, expiry_tag
from tests.skytf.clouds.answers import AnswerServer, Reply, Request, answer_server

PROJECT = "test-project"
HOST = "host-project"
ZONES = ("europe-west1-b", "us-central1-a")
BUCKET = "bucket-in"
_COMPUTE = "/compute/v1/projects/"
_PAGE = 2
_COLLECTION = re.compile(r"(?P<scope>global|aggregated|(?:zones|regions)/[^/]+)/(?P<kind>\w+)(?:/(?P<name>.+))?")
_ENDPOINTS = {
    "COMPUTE": "/compute/v1/",
    "IAM": "/",
    "CLOUDRESOURCEMANAGER": "/",
    "STORAGE": "/storage/v1/",
}


@dataclass
class GcpWorld:
    """What the tests do to the project; everything it holds by the path that Compute Engine gives it."""

    closed_port: int
    patch: pytest.MonkeyPatch
    directory: Path
    closing: contextlib.ExitStack
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=lambda: {"version": 3, "etag": "e1", "bindings": []})
    quotas: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    operations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    broken: tuple[int, str] | None = None
    server: AnswerServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.closing.enter_context(answer_server(self._answer))
        self._aim_at(self.server.url)

    def sign_in(self) -> None:
        key = self.directory / "key.json"
        key.write_text(json.dumps(_key(f"{self.server.url}/token")))
        self.patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))

    def sign_out(self) -> None:
        self.patch.delenv("GOOGLE_APPLICATION_CREDENTIALS")

    def expire(self) -> None:
        self.broken = (401, "Request had invalid authentication credentials.")

    def deny(self) -> None:
        self.broken = (403, "Required 'compute.instances.list' permission")

    def unplug(self) -> None:
        self._aim_at(f"http://127.0.0.1:{self.closed_port}")

    def plant(self, fleet: FleetTag) -> None:
        """Make *fleet*, its gateways by turns in two regions, a network in each."""
        for turn, zone in enumerate(ZONES):
            if gateways := fleet.gateways[turn :: len(ZONES)]:
                self._make_site(fleet, zone.rpartition("-")[0])
                for gateway in gateways:
                    self._make_instance(fleet, zone, gateway)

    def plant_half(self, fleet: FleetTag) -> None:
        self._make_site(fleet, ZONES[0].rpartition("-")[0])

    def plant_stranger(self) -> None:
        self._make("global/networks", "skytf-of-others", description="ours, by hand")
        self._make("global/firewalls", "default-allow-ssh", description="Allow SSH from anywhere")
        link = f"projects/{PROJECT}/global/networks/default"
        self._make(f"zones/{ZONES[0]}/instances", "web", labels={"team": "others"}, network=link)
        self.accounts["skytf-lookalike@x.iam.gserviceaccount.com"] = {"description": "not ours"}
        self.policy["bindings"].append({"role": "roles/storage.objectViewer", "members": ["user:somebody@example.com"]})

    def names(self) -> frozenset[str]:
        members = {f"{one['role']} {member}" for one in self.policy["bindings"] for member in one["members"]}
        return frozenset(self.resources) | frozenset(self.accounts) | frozenset(members)

    def make_rule(self, project: str, name: str, fleet: FleetTag) -> None:
        self._make("global/firewalls", name, project=project, description=_description(fleet))

    def share_network(self, fleet: FleetTag) -> None:
        """Let the gateways of *fleet* stand in a network of the host project, and their rules there."""
        for path, one in self.resources.items():
            if "/instances/" in path and one["labels"].get(TRANSFER) == fleet.transfer_id:
                one["networkInterfaces"] = [{"network": f"https://example.com/v1/projects/{HOST}/global/networks/n"}]
        self.make_rule(HOST, f"skytf-{fleet.transfer_id}-shared-ssh", fleet)

    def _make_site(self, fleet: FleetTag, region: str) -> None:
        site, description = f"skytf-{fleet.transfer_id}-{region}", _description(fleet)
        network = self._make("global/networks", site, description=description)
        self._make(f"regions/{region}/subnetworks", site, description=description, network=network)
        for noun in ("ssh", "own", "in-1234567"):
            self._make("global/firewalls", f"{site}-{noun}", description=f"Gateways. {description}", network=network)
        email = f"skytf-{abs(hash(site)):x}@{PROJECT}.iam.gserviceaccount.com"
        self.accounts[email] = {"displayName": site, "description": description}
        member = f"serviceAccount:{email}"
        condition = {"title": site, "expression": 'resource.name.startsWith("projects/_/buckets/b/objects/p/")'}
        self.policy["bindings"].append(
            {"role": "roles/storage.objectUser", "members": [member], "condition": condition}
        )
        shared = next((one for one in self.policy["bindings"] if "condition" not in one), None)
        if shared:
            shared["members"].append(member)

    def _make_instance(self, fleet: FleetTag, zone: str, gateway: str) -> None:
        name, site = f"skytf-{fleet.transfer_id}-{gateway}", f"skytf-{fleet.transfer_id}-{zone.rpartition('-')[0]}"
        labels = {**fleet.tags, TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}
        labels[GATEWAY] = gateway
        network = f"projects/{PROJECT}/global/networks/{site}"
        disk = self._make(f"zones/{zone}/disks", name, labels=labels)
        self._make(f"zones/{zone}/instances", name, labels=labels, network=network, disks=[disk])

    def _make(self, collection: str, name: str, *, project: str = PROJECT, network: str = "", **fields: Any) -> str:
        path = f"projects/{project}/{collection}/{name}"
        if network:
            fields |= {"network": network, "networkInterfaces": [{"network": f"https://example.com/v1/{network}"}]}
        place = collection.split("/")
        where = {place[0][:-1]: place[1]} if len(place) == 3 else {}
        self.resources[path] = {"name": name, "description": "", **where, **fields}
        return path

    def _aim_at(self, url: str) -> None:
        for name, path in _ENDPOINTS.items():
            self.patch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}", url + path)

    def _answer(self, request: Request) -> Reply:
        if request.path == "/token":
            return Reply({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"})
        if self.broken:
            return _error(*self.broken)
        assert request.headers["Authorization"] == "Bearer token"
        if request.path.startswith(_COMPUTE):
            return self._compute(request, request.path.removeprefix(_COMPUTE))
        if request.path.startswith("/v1/projects/") and "/serviceAccounts" in request.path:
            return self._iam(request)
        if request.path.endswith(":testIamPermissions"):
            return Reply({"permissions": [one for one in request.json["permissions"] if one not in self.denied]})
        return self._storage(request)

    def _compute(self, request: Request, path: str) -> Reply:
        project, _, rest = path.partition("/")
        if not rest or re.fullmatch("regions/[^/]+", rest):
            return Reply({"name": rest or project, "quotas": self.quotas.get(rest, [])})
        if rest == "regions":
            return Reply({"items": [{"name": zone.rpartition("-")[0]} for zone in ZONES]})
        matched = _COLLECTION.fullmatch(rest)
        assert matched, path
        scope, kind, name = matched["scope"], matched["kind"], matched["name"]
        if kind in self.denied:
            return _error(403, f"Required 'compute.{kind}.list' permission")
        if kind == "operations":
            return Reply(self.operations[name.removesuffix("/wait")].pop(0))
        if request.method == "DELETE":
            return self._delete(f"projects/{path}", f"op-{kind}-{name}")
        return self._list(project, scope, kind, request.query)

    def _delete(self, path: str, operation: str) -> Reply:
        if path not in self.resources:
            return _error(404, "was not found")
        users = [other for other, one in self.resources.items() if one.get("network") == path]
        if users:
            return _error(400, f"resourceInUseByAnotherResource: already being used by {users[0]}")
        gone = self.resources.pop(path)
        for disk in gone.get("disks", ()):
            self.resources.pop(disk, None)
        running = {"name": operation, "status": "RUNNING"}
        self.operations.setdefault(operation, [running, {**running, "status": "DONE"}])
        return Reply(running)

    def _list(self, project: str, scope: str, kind: str, query: Any) -> Reply:
        place = r"(?:zones|regions)/[^/]+" if scope == "aggregated" else re.escape(scope)
        wanted = re.compile(rf"projects/{project}/({place})/{kind}/[^/]+")
        held = [(match[1], one) for path, one in sorted(self.resources.items()) if (match := wanted.fullmatch(path))]
        if query["filter"] == f"labels.{TRANSFER}:*":
            held = [(at, one) for at, one in held if TRANSFER in one.get("labels", {})]
        else:
            assert query["filter"] == 'name eq "skytf-.*"'
            held = [(at, one) for at, one in held if one["name"].startswith("skytf-")]
        start = int(query.get("pageToken", 0))
        page, more = held[start : start + _PAGE], len(held) > start + _PAGE
        following = {"nextPageToken": str(start + _PAGE)} if more else {}
        if scope != "aggregated":
            return Reply({"items": [one for _, one in page], **following})
        empty: dict[str, Any] = {"zones/asia-east1-a": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}
        for at, one in page:
            empty.setdefault(at, {kind: []})[kind].append(one)
        return Reply({"items": empty, **following})

    def _iam(self, request: Request) -> Reply:
        email = request.path.partition("/serviceAccounts/")[2]
        if request.method == "DELETE":
            return Reply({}) if self.accounts.pop(email, None) else _error(404, "Unknown service account")
        emails = sorted(self.accounts)
        start = int(request.query.get("pageToken", 0))
        page = [{"email": one, **self.accounts[one]} for one in emails[start : start + _PAGE]]
        following = {"nextPageToken": str(start + _PAGE)} if len(emails) > start + _PAGE else {}
        return Reply({"accounts": page, **following})

    def _storage(self, request: Request) -> Reply:
        if "buckets" in self.denied:
            return _error(403, "does not have storage.buckets.list access")
        if request.path == "/storage/v1/b":
            return Reply({"items": [{"name": BUCKET}]})
        assert request.path == f"/storage/v1/b/{BUCKET}/iam"
        if request.method == "PUT":
            assert request.json["version"] == 3
            if request.json["etag"] != self.policy["etag"]:
                return _error(412, "conditionNotMet: the policy was changed meanwhile")
            self.policy = {**request.json, "etag": f"{self.policy['etag']}+"}
        else:
            assert request.query["optionsRequestedPolicyVersion"] == "3"
        return Reply(self.policy)


@contextlib.contextmanager
def gcp_world(closed_port: int, patch: pytest.MonkeyPatch, directory: Path) -> Iterator[GcpWorld]:
    """Run the project's server, and sign in to it as a service account."""
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_QUOTA_PROJECT"):
        patch.delenv(name, raising=False)
    patch.setenv("CLOUDSDK_CONFIG", str(directory / "gcloud"))
    patch.setenv("NO_GCE_CHECK", "true")
    patch.setattr("skytf.clouds.removal._FIRST_PAUSE_S", 0.01)
    with contextlib.ExitStack() as closing:
        world = GcpWorld(closed_port, patch, directory, closing)
        world.sign_in()
        yield world


def _description(fleet: FleetTag) -> str:
    said = {TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}
    return " ".join(f"{name}={text}" for name, text in said.items())


def _error(status: int, message: str) -> Reply:
    return Reply({"error": {"code": status, "message": message, "errors": [{"message": message}]}}, status)


@cache
def _pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _key(token_uri: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "client_email": f"operator@{PROJECT}.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": _pem(),
        "token_uri": token_uri,
    }
