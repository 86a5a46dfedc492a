"""What Terraform says is known by the words of the cloud's sheet."""

from __future__ import annotations

import pytest

from skytf.clouds import CLOUDS
from skytf.clouds.faults import CAPACITY, KINDS, LOCK, Fault, classify, faults_of, gravest, needs_somebody, retriable
from skytf.clouds.sheet import sheet

SOLD_OUT = """Error: creating EC2 Instance: operation error EC2: RunInstances, api error

  with module.aws-us-east-1.aws_instance.gateway["aws-us-east-1-0"],
  on modules/aws/main.tf line 70, in resource "aws_instance" "gateway":

InsufficientInstanceCapacity: there is no room"""
LOCKED = """Error: Error acquiring the state lock

Error message: resource temporarily unavailable
Lock Info:
  ID:        40951c93-36f0
  Path:      terraform.tfstate
  Operation: OperationTypeApply
  Who:       ann@laptop
  Version:   1.15.5
  Created:   2026-11-22 20:02:23.994205274 +0000 UTC
  Info:

Terraform acquires a state lock"""
IN_CLOUDS = sorted(name for name in CLOUDS if sheet(name).provider is not None)


def test_a_fault_names_the_site_where_it_happened() -> None:
    (fault,) = faults_of([SOLD_OUT], ["aws", "gcp"])

    assert fault is not None
    assert (fault.kind, fault.site) == (CAPACITY, "aws-us-east-1")


def test_a_hint_is_about_the_region_of_the_site() -> None:
    fault = classify("aws", SOLD_OUT.replace("InsufficientInstanceCapacity", "VcpuLimitExceeded"))

    assert fault is not None
    assert fault.hint.endswith("--region us-east-1")


def test_words_are_found_where_terraform_broke_the_line() -> None:
    fault = classify("aws", "Error: no valid credential\nsources found")

    assert fault is not None
    assert fault.kind == "signed-out"


def test_what_no_cloud_knows_is_no_fault_and_stops_every_retry() -> None:
    found = faults_of([SOLD_OUT, "Error: the moon is full"], ["aws"])

    assert found[1] is None
    assert retriable(found) == ""
    assert retriable(found[:1]) == CAPACITY


def test_words_of_another_cloud_do_not_count() -> None:
    (fault,) = faults_of([SOLD_OUT.replace("module.aws-us-east-1", "module.gcp-us-east1")], ["aws", "gcp"])

    assert fault is None


def test_what_only_the_user_mends_comes_before_what_mends_itself() -> None:
    sold_out, denied = Fault(CAPACITY, "elsewhere"), Fault("denied", "ask for it")

    assert gravest([sold_out, None, denied]) == denied
    assert needs_somebody([sold_out, denied])
    assert not needs_somebody([sold_out, None])
    assert gravest([None]) is None


@pytest.mark.parametrize("clouds", [[], ["aws"]])
def test_a_lock_that_is_held_names_its_holder_and_how_it_is_let_go(clouds: list[str]) -> None:
    (fault,) = faults_of([LOCKED], clouds)

    assert fault == Fault(
        LOCK,
        "wait until ann@laptop, who holds it since 2026-11-22 20:02:23, is done;"
        " if that process is dead: terraform force-unlock 40951c93-36f0",
    )


@pytest.mark.parametrize("cloud", IN_CLOUDS)
def test_every_cloud_knows_every_kind_and_what_to_do(cloud: str) -> None:
    patterns = sheet(cloud).faults

    assert {one.kind for one in patterns} == set(KINDS) - {LOCK}
    assert all(one.hint and one.words for one in patterns)
