from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from skytf.errors import InputError, Refused
from skytf.permissions import needs_of
from skytf.permitting import permissions
from tests.skytf.account import cloud_bundle

# How each cloud's document names what it allows.
ALLOWED: dict[str, Callable[[Any], list[str]]] = {
    "aws": lambda policy: [action for one in policy["Statement"] for action in one["Action"]],
    "azure": lambda role: [*role["Actions"], *role["DataActions"]],
    "gcp": lambda role: list(role["includedPermissions"]),
    "ibm": lambda policies: [
        f"{one['resources'][0]['attributes'][0]['value'].replace('resource-group', 'resource-controller')}:"
        f" {role['role_id'].rpartition(':')[2]}"
        for one in policies
        for role in one["roles"]
    ],
}


@pytest.mark.parametrize("cloud", sorted(ALLOWED))
@pytest.mark.parametrize("phases", [(), ("plan",), ("destroy",)])
def test_the_document_allows_the_actions_and_nothing_else(cloud: str, phases: tuple[str, ...]) -> None:
    found = permissions(cloud, phases)

    assert sorted(ALLOWED[cloud](json.loads(found.document))) == list(found.actions)
    assert found.actions
    assert found.use.startswith(("a", "an"))


def test_looking_needs_less_than_doing() -> None:
    plan, destroy, everything = (set(permissions("aws", phases).actions) for phases in (["plan"], ["destroy"], []))

    assert plan < destroy < everything
    assert not [one for one in plan if "Create" in one or "Delete" in one or "Put" in one]


def test_a_bundle_needs_less_than_the_whole_module() -> None:
    bundle = cloud_bundle()

    found = permissions("aws", bundle=bundle)

    assert set(found.actions) < set(permissions("aws").actions)
    assert "s3:PutObject" not in found.actions  # the gateways open the bucket by an identity of their own
    assert set(permissions("aws", ["plan"], bundle).actions) < set(found.actions)


def test_a_bundle_without_gateways_there_is_wrong_input() -> None:
    with pytest.raises(InputError, match="no gateway of this bundle stands in gcp") as raised:
        permissions("gcp", bundle=cloud_bundle())

    assert raised.value.hint == "it has gateways in aws"


@pytest.mark.parametrize("text", [b"}", b"[1]", b'{"resource_changes": [1]}'])
def test_a_bundle_whose_plan_is_broken_is_refused(text: bytes) -> None:
    with pytest.raises(Refused, match=r"plan\.json is broken"):
        permissions("aws", bundle=cloud_bundle().with_file("plan.json", text))


@pytest.mark.parametrize("phases", [(), ("plan",)])
def test_a_type_that_nobody_has_written_down_stands_in_every_document_of_a_bundle(phases: tuple[str, ...]) -> None:
    made = {"mode": "managed", "type": "aws_eip", "change": {"actions": ["create"]}}
    plan = {"resource_changes": [{**made, "module_address": "module.aws-us-east-1", "address": "aws_eip.one"}]}
    bundle = cloud_bundle().with_file("plan.json", json.dumps(plan).encode())

    assert "unknown: aws_eip" in permissions("aws", phases, bundle).actions


def test_a_phase_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match="'aply' is no phase") as raised:
        permissions("aws", ["aply"])

    assert raised.value.hint == "phases: plan, apply, destroy"


def test_roles_are_limited_to_those_of_gateways() -> None:
    policy = json.loads(permissions("aws").document)

    scopes = {action: one["Resource"] for one in policy["Statement"] for action in one["Action"]}
    assert scopes["iam:CreateRole"] == [
        "arn:aws:iam::*:role/skytf/*",
        "arn:aws:iam::*:instance-profile/skytf/*",
    ]
    assert scopes["s3:PutObject"] == ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]
    assert [action for action, where in scopes.items() if where == ["*"] and action.startswith("iam:Create")] == []


def test_every_cloud_that_bills_has_a_document() -> None:
    assert {cloud for cloud in ALLOWED if needs_of(cloud).resources} == set(ALLOWED)
