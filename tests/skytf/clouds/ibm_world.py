"""An IBM Cloud account that plays the documented answers: written by hand, never recorded from the cloud."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from skytf.clouds.base import FleetTag
from skytf.clouds.tags import EXPIRES, GATEWAY, OWNER, TRANSFER, expiry_tag
from tests.skytf.clouds.answers import AnswerServer, Reply, Request, answer_server

ACCOUNT = "0123456789abcdef0123456789abcdef"
GROUP = "fedcba9876543210fedcba9876543210"
COS = "33333333-3333-3333-3333-333333333333"
REGIONS = ("us-south", "eu-de")
BUCKET = "bucket-in"
_PAGE = 2
_CLAIMS = {"account": {"bss": ACCOUNT}, "email": "operator@example.com", "iam_id": "IBMid-1"}
_ENDPOINTS = {
    "IBMCLOUD_IAM_API_ENDPOINT": "",
    "IBMCLOUD_GT_API_ENDPOINT": "",
    "IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT": "",
    "IBMCLOUD_COS_CONFIG_ENDPOINT": "/cos/v1",
}


@dataclass
class IbmWorld:
    """What the tests do to the account: everything by region, collection and id; tags by CRN."""

    patch: pytest.MonkeyPatch
    directory: Path
    resources: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=lambda: [{"id": GROUP, "name": "Default", "default": True}])
    denied: set[str] = field(default_factory=set)
    going: dict[tuple[str, str, str], int] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    broken: tuple[int, str] | None = None
    plug: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    server: AnswerServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.plug.enter_context(answer_server(self._answer))
        for name, path in _ENDPOINTS.items():
            self.patch.setenv(name, self.server.url + path)

    @property
    def vpc_url(self) -> str:
        return f"{self.server.url}/vpc/{{region}}/v1"

    def sign_in(self) -> None:
        self.patch.setenv("IC_API_KEY", "key")

    def sign_out(self) -> None:
        self.patch.delenv("IC_API_KEY")

    def expire(self) -> None:
        self.broken = (401, "The provided token is expired")

    def deny(self) -> None:
        self.broken = (403, "not_authorized: The request is not authorized.")

    def unplug(self) -> None:
        self.plug.close()

    def plant(self, fleet: FleetTag) -> None:
        """Make *fleet*, its gateways by turns in two regions."""
        for turn, region in enumerate(REGIONS):
            if gateways := fleet.gateways[turn :: len(REGIONS)]:
                made = self._make_site(fleet, region)
                for gateway in gateways:
                    self._make_gateway(fleet, region, gateway, made)

    def plant_half(self, fleet: FleetTag) -> None:
        self._make_site(fleet, REGIONS[0])

    def plant_untagged(self, fleet: FleetTag) -> None:
        """Make what an apply leaves that is interrupted between a VPC and its tags."""
        self._make(REGIONS[1], "vpcs", f"skytf-{fleet.transfer_id}-{REGIONS[1]}", {})

    def plant_stranger(self) -> None:
        vpc = self._make(REGIONS[0], "vpcs", "skytf-of-others", {"team": "others"})
        self._make(REGIONS[0], "instances", "web", {"team": "others"}, vpc)
        self.profiles["Profile-x"] = {"name": "skytf-lookalike", "iam_id": "iam-Profile-x", "description": "not ours"}
        self.policies["policy-x"] = "iam-Profile-x"

    def names(self) -> frozenset[str]:
        held = {" ".join(key) for key in self.resources if key not in self.going}
        return frozenset(held | set(self.profiles) | set(self.policies))

    def _make_site(self, fleet: FleetTag, region: str) -> str:
        """Return what gateways of the site need, for whom it is in the way of a removal."""
        site, tags = f"skytf-{fleet.transfer_id}-{region}", _tags(fleet)
        vpc = self._make(region, "vpcs", site, tags)
        subnet = self._make(region, "subnets", site, tags, vpc)
        group = self._make(region, "security_groups", site, tags, vpc)
        self._make(region, "keys", site, tags)
        profile = f"Profile-{site}"
        said = {TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}
        description = " ".join(f"{name}={text}" for name, text in said.items())
        self.profiles[profile] = {"name": site, "iam_id": f"iam-{profile}", "description": description}
        self.policies[f"policy-{site}"] = f"iam-{profile}"
        return f"{subnet} {group}"

    def _make_gateway(self, fleet: FleetTag, region: str, gateway: str, needs: str) -> None:
        name, tags = f"skytf-{fleet.transfer_id}-{gateway}", {**_tags(fleet), GATEWAY: gateway}
        volume = self._make(region, "volumes", f"{name}-boot", tags)
        self._make(region, "instances", name, tags, f"{needs} {volume}")
        self._make(region, "floating_ips", name, tags)

    def _make(self, region: str, collection: str, name: str, tags: dict[str, str], needs: str = "") -> str:
        crn = f"crn:v1:bluemix:public:is:{region}:a/{ACCOUNT}::{collection}:{name}"
        one = {"id": f"r006-{name}", "name": name, "crn": crn, "needs": needs}
        self.resources[region, collection, one["id"]] = one
        self.tags[crn] = [f"{key}:{text}" for key, text in tags.items()]
        return f"{collection}/{one['id']}"

    def _answer(self, request: Request) -> Reply:
        if request.path == "/identity/token":
            assert b"apikey=key" in request.body
            return Reply(token_reply())
        if self.broken:
            return _error(*self.broken)
        assert request.headers["Authorization"] == f"Bearer {token_reply()['access_token']}"
        parts = request.path.strip("/").split("/")
        if parts[0] == "vpc":
            assert (request.query["version"], request.query["generation"]) == ("2025-04-08", "2")
            return self._vpc(request, parts[1], parts[3:])
        if parts[0] == "cos":
            found = {"name": BUCKET, "service_instance_id": COS}
            return Reply(found) if parts[-1] == BUCKET else _error(404, "The specified bucket does not exist.")
        return self._global(request, parts)

    def _vpc(self, request: Request, region: str, parts: list[str]) -> Reply:
        collection, *rest = parts
        if {region, collection} & self.denied:
            return _error(403, "not_authorized")
        if collection == "regions":
            regions = {"regions": [{"name": one} for one in REGIONS]}
            return Reply({"status": self.statuses.get(rest[0], "available")} if rest else regions)
        if not rest:
            return self._page(request, region, collection)
        key = (region, collection, rest[0])
        self._go_on(key)
        if key not in self.resources:
            return _error(404, "not_found")
        return self._delete(key) if request.method == "DELETE" else Reply(self.resources[key])

    def _go_on(self, key: tuple[str, str, str]) -> None:
        """Let what is being removed be asked for once before it is gone."""
        if key in self.going:
            self.going[key] -= 1
            if not self.going[key]:
                del self.resources[key], self.going[key]

    def _delete(self, key: tuple[str, str, str]) -> Reply:
        region, collection, name = key
        for other, one in self.resources.items():
            if other[0] == region and f"{collection}/{name}" in one["needs"].split():
                return _error(409, f"{collection}_in_use: still in use by {other}")
        if collection in ("instances", "subnets", "vpcs"):
            self.going[key] = 2
        else:
            del self.resources[key]
        if collection == "instances":
            self.resources.pop((region, "volumes", f"{name}-boot"), None)
        return Reply(status=204)

    def _page(self, request: Request, region: str, collection: str) -> Reply:
        held = [one for key, one in sorted(self.resources.items()) if key[:2] == (region, collection)]
        start = int(request.query.get("start", 0))
        body: dict[str, Any] = {collection: held[start : start + _PAGE], "limit": _PAGE}
        if len(held) > start + _PAGE:
            body["next"] = {"href": f"{self.server.url}{request.path}?limit={_PAGE}&start={start + _PAGE}"}
        return Reply(body)

    def _global(self, request: Request, parts: list[str]) -> Reply:
        if parts[1] in self.denied:
            return _error(403, "BXNIM0513E: You are not authorized to use this API")
        if parts[1] == "tags":
            return Reply({"items": [{"name": one} for one in self.tags[request.query["attached_to"]]]})
        if request.method == "DELETE":
            held: dict[str, Any] = self.policies if parts[1] == "policies" else self.profiles
            return Reply(status=204) if held.pop(parts[2], None) else _error(404, "not found")
        assert request.query["account_id"] == ACCOUNT
        if parts[1] == "resource_groups":
            return Reply({"resources": self.groups})
        if parts[1] == "policies":
            return Reply({"policies": [_policy(name, whom) for name, whom in self.policies.items()]})
        assert parts[1] == "profiles"
        names = sorted(self.profiles)
        start = int(request.query.get("pagetoken", 0))
        body: dict[str, Any] = {"profiles": [{"id": one, **self.profiles[one]} for one in names[start : start + _PAGE]]}
        if len(names) > start + _PAGE:
            body["next"] = f"{self.server.url}{request.path}?account_id={ACCOUNT}&pagetoken={start + _PAGE}"
        return Reply(body)


@contextlib.contextmanager
def ibm_world(patch: pytest.MonkeyPatch, directory: Path) -> Iterator[IbmWorld]:
    """Run the account's server, and sign in with an API key."""
    for name in ("IBMCLOUD_API_KEY", "IC_IAM_TOKEN", "IBMCLOUD_IAM_TOKEN", "IC_RESOURCE_GROUP"):
        patch.delenv(name, raising=False)
    patch.setenv("IBM_CREDENTIALS_FILE", str(directory / "ibm-credentials.env"))
    patch.setattr("skytf.clouds.removal._FIRST_PAUSE_S", 0.01)
    patch.setattr("skytf.clouds.ibm.found._regions", lambda: REGIONS)  # asking all takes a second
    patch.setattr("skytf.clouds.ibm.removal._PAUSE_S", 0.01)
    world = IbmWorld(patch, directory)
    world.sign_in()
    with world.plug:
        yield world


@cache
def token_reply() -> dict[str, Any]:
    """Return what IAM gives for an API key; IBM's SDK reads in the token itself how long it is good."""
    now_s = int(time.time())
    claims = {**_CLAIMS, "iat": now_s, "exp": now_s + 3600}
    token = f"{_encoded({'alg': 'RS256'})}.{_encoded(claims)}.c2ln"
    return {"access_token": token, "expires_in": 3600, "expiration": now_s + 3600, "refresh_token": "none"}


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _policy(name: str, whom: str) -> dict[str, Any]:
    subject = {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": whom}]}
    return {"id": name, "type": "access", "subject": subject}


def _tags(fleet: FleetTag) -> dict[str, str]:
    return {**fleet.tags, TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}


def _error(status: int, message: str) -> Reply:
    return Reply({"errors": [{"code": message.partition(":")[0], "message": message}], "trace": "1"}, status)
