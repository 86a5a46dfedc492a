"""terraform/aws: what its own tests say, and what Python reads beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skytf.clouds.faults import classify
from skytf.clouds.sheet import sheet
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.provider.world import World
from tests.terraform.real import Terraform

_MODULE = terraform_dir() / "aws"


@pytest.mark.skipif(library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'")
def test_the_modules_own_tests_pass(tmp_path: Path, provider_config: Path, world: World) -> None:
    terraform = Terraform(tmp_path / "root", provider_config, world.environment())
    module = terraform.module("aws")
    terraform.run("init", at=module)

    said = terraform.run("test", at=module)

    assert re.search(r"Success! \d{2} passed, 0 failed", said), said


def test_the_module_takes_the_types_that_python_counts_on() -> None:
    defaults = {
        match[1]: tuple(re.findall(r'"([^"]+)"', match[2]))
        for match in re.finditer(r"^    (arm64|x86_64) += \[(.*)\]$", (_MODULE / "main.tf").read_text(), re.MULTILINE)
    }
    aws = sheet("aws")

    assert defaults["x86_64"] == aws.default_instances
    for arch, types in defaults.items():
        assert {aws.instance(name).arch for name in types} == {arch}


def test_zones_are_written_out() -> None:
    assert sheet("aws").regions["ca-central-1"] == ("ca-central-1a", "ca-central-1b", "ca-central-1d")
    assert len(sheet("aws").regions) == 39


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "capacity",
            "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 500, "
            "RequestID: 1, api error InsufficientInstanceCapacity: We currently do not have sufficient "
            "m5.8xlarge capacity in the Availability Zone you requested (us-east-1a).",
        ),
        (
            "capacity",
            "api error Unsupported: Your requested instance type (m6i.8xlarge) is not supported in your requested "
            "Availability Zone (us-east-1e). Please retry your request by not specifying an Availability Zone",
        ),
        (
            "quota",
            "api error VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 5 "
            "allows for the instance bucket that the specified instance type belongs to.",
        ),
        ("quota", "api error VpcLimitExceeded: The maximum number of VPCs has been reached."),
        ("quota", "api error MaxSpotInstanceCountExceeded: Max spot instance count exceeded"),
        (
            "propagation",
            "api error InvalidParameterValue: Value (skytf-t-us-east-1) for parameter iamInstanceProfile.name is "
            "invalid. Invalid IAM Instance Profile name",
        ),
        ("signed-out", "api error ExpiredToken: The security token included in the request is expired"),
        ("signed-out", "api error RequestExpired: Request has expired."),
        ("signed-out", "Error: No valid credential sources found"),
        (
            "denied",
            "api error UnauthorizedOperation: You are not authorized to perform this operation. User: "
            "arn:aws:iam::1:user/u is not authorized to perform: ec2:RunInstances because no "
            "identity-based policy allows it",
        ),
        (
            "denied",
            "waiting for EC2 Instance (i-1) create: unexpected state 'terminated': Client.InternalError: Client error",
        ),
        ("gone", "api error InvalidInstanceID.NotFound: The instance ID 'i-1' does not exist"),
        ("conflict", "api error DependencyViolation: The vpc 'vpc-1' has dependencies and cannot be deleted."),
    ],
)
def test_what_aws_says_is_understood(kind: str, said: str) -> None:
    fault = classify("aws", f"Error: {said}\n\n  with module.aws-us-east-1.aws_instance.gateway")

    assert fault is not None
    assert (fault.kind, fault.site) == (kind, "aws-us-east-1")
    assert fault.hint
