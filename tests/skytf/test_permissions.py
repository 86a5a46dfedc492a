from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.errors import InputError
from skytf.model.region import Region
from skytf.model.review import Made, Review, Right, SiteReview
from skytf.permissions import needed, needs_of

EAST = Region("aws", "us-east-1")
SITE = SiteReview(
    region=EAST,
    gateways=2,
    instance_types=("m5.8xlarge",),
    vcpus=32,
    spot=False,
    disk_gib=30,
    disk_key="",
    public_addresses=True,
    network="",
    identity="",
    zones=(),
)


def facts(*types: str, site: SiteReview = SITE, rights: tuple[Right, ...] = ()) -> Review:
    made = tuple(Made("aws-us-east-1", one, "create", 1) for one in types)
    return Review(sites=(site,), openings=(), rights=rights, tags=(), ttl_minutes=60, made=made)


def test_only_what_the_plan_makes_must_be_allowed() -> None:
    (actions,) = needed(facts("aws_vpc")).values()

    assert {"ec2:CreateVpc", "ec2:DescribeVpcs", "ec2:DeleteVpc"} <= set(actions)
    assert not {"ec2:RunInstances", "iam:CreateRole"} & set(actions)
    assert list(actions) == sorted(actions)


def test_what_is_read_must_always_be_allowed() -> None:
    assert {"ec2:DescribeImages", "s3:ListBucket"} <= set(needed(facts())["aws"])


@pytest.mark.parametrize(
    ("cloud", "action"),
    [
        ("aws", "servicequotas:GetServiceQuota"),
        ("gcp", "compute.regions.get"),
        ("azure", "Microsoft.Compute/locations/usages/read"),
        ("azure", "Microsoft.Storage/storageAccounts/read"),
        ("ibm", "resource-controller: Viewer"),
    ],
)
def test_quota_and_facts_are_asked_for_every_bundle_and_what_doctor_asks_for_none(cloud: str, action: str) -> None:
    (actions,) = needed(facts(site=replace(SITE, region=Region(cloud, "somewhere")))).values()

    assert action in actions
    assert not {"iam:SimulatePrincipalPolicy", "Microsoft.Authorization/permissions/read"} & set(actions)


def test_an_offline_bundle_may_need_whatever_the_module_does() -> None:
    offline = replace(facts(), made=None)

    assert {"ec2:RunInstances", "iam:CreateRole", "ec2:CreateVpc"} <= set(needed(offline)["aws"])


@pytest.mark.parametrize(
    ("chosen", "action"),
    [
        ({"spot": True}, "iam:CreateServiceLinkedRole"),
        ({"spot": True}, "ec2:DescribeSpotInstanceRequests"),
        ({"spot": True}, "ec2:CancelSpotInstanceRequests"),
        ({"disk_key": "arn:key"}, "kms:CreateGrant"),
    ],
)
def test_a_choice_may_need_more(chosen: dict[str, object], action: str) -> None:
    assert action not in needed(facts("aws_instance"))["aws"]
    assert action in needed(facts("aws_instance", site=replace(SITE, **chosen)))["aws"]


def test_keys_that_travel_must_be_allowed_to_write() -> None:
    lent = Right(EAST, "s3://bucket/x", read=False, write=True, by="keys")

    assert "s3:PutObject" not in needed(facts())["aws"]
    assert "s3:PutObject" in needed(facts(rights=(lent,)))["aws"]


def test_a_type_that_nobody_has_written_down_is_not_passed_over() -> None:
    assert "unknown: aws_eip" in needed(facts("aws_eip"))["aws"]


def test_this_machine_needs_nothing() -> None:
    local = replace(facts(), sites=(replace(SITE, region=Region("local", "a")),))

    assert needed(local) == {}


def test_what_may_be_limited_stands_in_a_statement_of_its_own() -> None:
    look, role, hand_over = needs_of("aws").statements(["iam:PassRole", "iam:CreateRole", "ec2:RunInstances"])

    assert (look.name, look.actions, look.resources) == ("", ("ec2:RunInstances",), ())
    assert hand_over.actions == ("iam:CreateRole",)
    assert role.actions == ("iam:PassRole",)
    assert role.condition == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def test_a_cloud_without_a_table_is_an_error_that_says_so() -> None:
    with pytest.raises(InputError, match="no cloud 'nowhere'"):
        needs_of("nowhere")
