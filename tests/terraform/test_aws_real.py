"""The real AWS provider takes the module, and makes and removes a fleet on an EC2- and IAM-compatible server."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from skytf.permissions import needs_of
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.servers import S3Server, moto_server
from tests.terraform.real import MIRROR, Terraform, install_from, mirror_with

MIRROR_OF_AWS = mirror_with("hashicorp/aws")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"),
    pytest.mark.skipif(MIRROR_OF_AWS is None, reason=f"the real AWS provider is not on this machine: set {MIRROR}"),
]

TRANSFER = "20300131-100000-abcdef"
IMAGE = "ami-0123456789abcdef0"
REGIONS = ("us-east-1", "eu-west-1")
SITE = """
module "aws-{region}" {{
  source = "./modules/aws"
  providers = {{
    aws = aws.aws-{region}
  }}
  access         = {access}
  data_ports     = {{ from = 28470, to = 28485 }}
  expires_at     = "2030-01-31T12:00:00Z"
  gateways       = {gateways}
  host_keys      = {{ "aws-us-east-1-0" = "key 0", "aws-us-east-1-1" = "key 1", "aws-eu-west-1-0" = "key 2" }}
  ingress        = {ingress}
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "{region}"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
  tags           = {{ team = "movers" }}
  transfer_id    = "20300131-100000-abcdef"
  ttl_minutes    = 90
  {more}
}}
output "aws-{region}" {{ value = module.aws-{region}.gateways }}
"""
PINNED = f'image = "{IMAGE}"\n zones = ["us-east-1a"]'


def provider(region: str) -> str:
    """Return the provider block as the root module has it."""
    block = (terraform_dir() / "aws" / "provider.tf.j2").read_text()
    return block.replace("{{ site.module }}", f"aws-{region}").replace("{{ site.region }}", region)


def source_site(more: str = "") -> str:
    return provider("us-east-1") + SITE.format(
        region="us-east-1",
        access='{ "0-source" = { scheme = "s3", bucket = "from", prefix = "logs", read = true, write = false } }',
        gateways='{ "aws-us-east-1-0" = { index = 0 }, "aws-us-east-1-1" = { index = 1 } }',
        ingress="{}",
        more=more,
    )


def target_site() -> str:
    return provider("eu-west-1") + SITE.format(
        region="eu-west-1",
        access='{ "0-destination-0" = { scheme = "s3", bucket = "to", prefix = "", read = false, write = true } }',
        gateways='{ "aws-eu-west-1-0" = { index = 2 } }',
        ingress="""{
    "aws-us-east-1-0" = "${module.aws-us-east-1.gateways["aws-us-east-1-0"].public_ip}/32"
    "aws-us-east-1-1" = "${module.aws-us-east-1.gateways["aws-us-east-1-1"].public_ip}/32"
  }""",
        more="spot = true",
    )


@dataclass(frozen=True)
class Account:
    """A server that plays AWS, and all that was asked of it."""

    server: S3Server
    recording: Path

    def client(self, service: str, region: str = "us-east-1") -> Any:
        keys = {"aws_access_key_id": self.server.access_key, "aws_secret_access_key": self.server.secret_key}
        return boto3.client(service, endpoint_url=self.server.endpoint_url, region_name=region, **keys)

    def instances(self, region: str) -> dict[str, Any]:
        """Return the instances that run, by gateway id."""
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        answer = self.client("ec2", region).describe_instances(Filters=running)
        found = [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
        return {tags(one)["skytf-gateway"]: one for one in found}

    def group(self, region: str) -> dict[str, Any]:
        """Return the security group of the site."""
        wanted = [{"Name": "tag:skytf-transfer-id", "Values": [TRANSFER]}]
        (group,) = self.client("ec2", region).describe_security_groups(Filters=wanted)["SecurityGroups"]
        return dict(group)

    def leftovers(self) -> list[str]:
        """Return the ids of what stands in the account and is a transfer's: in EC2 by tag, in IAM by path."""
        ours = [{"Name": "tag-key", "Values": ["skytf-transfer-id"]}]
        living = [*ours, {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
        found = []
        for region in REGIONS:
            ec2 = self.client("ec2", region)
            # describe_tags would do on AWS; moto keeps the tags of what is gone
            answers = [
                *(ec2.describe_vpcs(Filters=ours), ec2.describe_subnets(Filters=ours)),
                *(ec2.describe_internet_gateways(Filters=ours), ec2.describe_route_tables(Filters=ours)),
                *(ec2.describe_security_groups(Filters=ours), ec2.describe_vpc_endpoints(Filters=ours)),
                *(ec2.describe_volumes(Filters=ours), *ec2.describe_instances(Filters=living)["Reservations"]),
            ]
            # an endpoint that is gone is shown for a while as deleted
            found += [_id(one) for answer in answers for one in _only_list(answer) if one.get("State") != "deleted"]
        iam = self.client("iam")
        found += [one["Arn"] for one in iam.list_roles(PathPrefix="/skytf/")["Roles"]]
        found += [one["Arn"] for one in iam.list_instance_profiles(PathPrefix="/skytf/")["InstanceProfiles"]]
        return found

    def asked(self) -> set[str]:
        """Return the actions that Terraform asked for, as a policy names them."""
        actions = set()
        for request in self._requests():
            body = base64.b64decode(request["body"]).decode() if request["body_encoded"] else request["body"] or ""
            service = re.search(r"/(\w+)/aws4_request", request["headers"].get("Authorization", ""))
            by_terraform = "Terraform" in request["headers"].get("User-Agent", "")
            if by_terraform and service and (action := parse_qs(body).get("Action")):
                actions.add(f"{service[1]}:{action[0]}")
        return actions

    def _requests(self) -> Iterator[dict[str, Any]]:
        """Yield what moto recorded; requests at one time may share a line."""
        decoder, text = json.JSONDecoder(), self.recording.read_text().lstrip()
        while text:
            request, end = decoder.raw_decode(text)
            yield request
            text = text[end:].lstrip()


def tags(one: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one["Tags"]}


def _only_list(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of an answer that lists those of one kind."""
    names = ("Vpcs", "Subnets", "InternetGateways", "RouteTables", "SecurityGroups", "VpcEndpoints", "Volumes")
    return next(list(answer[name]) for name in (*names, "Instances") if name in answer)


def _id(one: dict[str, Any]) -> str:
    # The first is the kind's own: an instance names its VPC too.
    names = ("InstanceId", "VolumeId", "VpcEndpointId", "GroupId", "RouteTableId", "InternetGatewayId", "SubnetId")
    return str(next(one[name] for name in (*names, "VpcId") if name in one))


def allowed() -> tuple[str, ...]:
    """Return the actions that `skytf permissions aws` asks for."""
    return needs_of("aws").everything(("read", "create", "delete"))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    amis = tmp_path / "amis.json"
    image = {
        "ami_id": IMAGE,
        "owner_id": "099720109477",
        "architecture": "x86_64",
        "public": True,
        "state": "available",
    }
    image |= {"name": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20300101", "description": "Ubuntu"}
    image |= {"virtualization_type": "hvm", "hypervisor": "xen", "image_location": "x", "image_type": "machine"}
    image |= {"platform": None, "root_device_name": "/dev/sda1", "root_device_type": "ebs", "sriov": "simple"}
    amis.write_text(json.dumps([image]))
    recording = tmp_path / "recording"
    settings = {"MOTO_AMIS_PATH": str(amis), "MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(recording)}
    with moto_server(**settings) as server:
        yield Account(server, recording)


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """Two sites of AWS in one root module."""
    assert MIRROR_OF_AWS is not None
    environment = {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    terraform = Terraform(tmp_path / "infra", install_from(MIRROR_OF_AWS, tmp_path), environment)
    terraform.module("aws")
    (terraform.path / "main.tf").write_text(source_site() + target_site())
    return terraform


@pytest.fixture
def fleet(terraform: Terraform, account: Account) -> Terraform:
    """The two sites, applied."""
    fleet = replace(terraform, environment={**terraform.environment, "AWS_ENDPOINT_URL": account.server.endpoint_url})
    fleet.run("init")
    fleet.run("apply", "-auto-approve")
    return fleet


def test_the_real_provider_accepts_the_module_and_all_that_is_tested_of_it(terraform: Terraform) -> None:
    module = terraform.module("aws")

    terraform.run("init", "-backend=false", at=module)
    terraform.run("validate", at=module)
    said = terraform.run("test", at=module)

    assert re.search(r"Success! \d\d passed, 0 failed", said)


def test_a_pinned_fleet_is_planned_without_asking_aws(terraform: Terraform) -> None:
    """Nothing listens anywhere, and the look-ups that the provider makes by itself are switched off."""
    offline = {"skip_credentials_validation": True, "skip_requesting_account_id": True, "skip_region_validation": True}
    (terraform.path / "main.tf").write_text(source_site(PINNED))
    (terraform.path / "provider_override.tf.json").write_text(
        json.dumps({"provider": {"aws": [{"alias": "aws-us-east-1", **offline}]}})
    )
    terraform.run("init")

    said = terraform.run("plan", "-refresh=false")

    assert "Plan: 16 to add, 0 to change, 0 to destroy." in said
    assert "will be read during apply" not in said


def test_a_fleet_stands_as_intended_and_leaves_nothing(fleet: Terraform, account: Account) -> None:
    source, target = (account.instances(region) for region in REGIONS)
    assert sorted(source) == ["aws-us-east-1-0", "aws-us-east-1-1"]
    assert sorted(target) == ["aws-eu-west-1-0"]
    for region, instances in zip(REGIONS, (source, target), strict=True):
        outputs = json.loads(fleet.run("output", "-json", f"aws-{region}"))
        for gateway, instance in instances.items():
            expected = (instance["PublicIpAddress"], instance["PrivateIpAddress"])
            assert (outputs[gateway]["public_ip"], outputs[gateway]["private_ip"]) == expected
            assert_hardened(instance, region)
            assert tags(instance)["Name"] == f"skytf-{TRANSFER}-{gateway}"
    assert (target["aws-eu-west-1-0"]["InstanceLifecycle"], "InstanceLifecycle" in source["aws-us-east-1-0"]) == (
        "spot",
        False,
    )
    assert openings(account.group("us-east-1")) == {(22, 22, "192.0.2.1/32"), (28470, 28485, "itself")}
    assert openings(account.group("eu-west-1")) == {
        (22, 22, "192.0.2.1/32"),
        (28470, 28485, "itself"),
        *((28470, 28485, f"{instance['PublicIpAddress']}/32") for instance in source.values()),
    }
    assert rights(account, "us-east-1") == {"arn:aws:s3:::from", "arn:aws:s3:::from/logs", "arn:aws:s3:::from/logs/*"}
    assert rights(account, "eu-west-1") == {"arn:aws:s3:::to", "arn:aws:s3:::to/*"}

    fleet.run("destroy", "-auto-approve")

    assert account.leftovers() == []
    assert account.asked() - set(allowed()) == {"sts:GetCallerIdentity"}  # everybody may


def test_what_was_deleted_by_hand_does_not_hinder_destroy(fleet: Terraform, account: Account) -> None:
    ec2 = account.client("ec2", "eu-west-1")
    (instance,) = account.instances("eu-west-1").values()
    iam = account.client("iam")
    name = f"skytf-{TRANSFER}-us-east-1"

    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.delete_security_group(GroupId=account.group("eu-west-1")["GroupId"])
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName=name)
    iam.delete_role(RoleName=name)
    fleet.run("destroy", "-auto-approve")

    assert account.leftovers() == []


def assert_hardened(instance: dict[str, Any], region: str) -> None:
    options = instance["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)
    assert [disk["Ebs"]["DeleteOnTermination"] for disk in instance["BlockDeviceMappings"]] == [True]
    assert instance["IamInstanceProfile"]["Arn"].endswith(f":instance-profile/skytf/skytf-{TRANSFER}-{region}")
    assert (instance["InstanceType"], instance["ImageId"]) == ("m5.8xlarge", IMAGE)


def openings(group: dict[str, Any]) -> set[tuple[int, int, str]]:
    """Return what a security group lets in: first port, last port, from where."""
    found = set()
    for rule in group["IpPermissions"]:
        assert rule["IpProtocol"] == "tcp"
        for source in [*rule["IpRanges"], *rule["UserIdGroupPairs"]]:
            own = source.get("GroupId") == group["GroupId"]
            found.add((rule["FromPort"], rule["ToPort"], "itself" if own else source["CidrIp"]))
    return found


def rights(account: Account, region: str) -> set[str]:
    """Return what the identity of a site may open."""
    name = f"skytf-{TRANSFER}-{region}"
    policy = account.client("iam").get_role_policy(RoleName=name, PolicyName=name)
    return {resource for statement in policy["PolicyDocument"]["Statement"] for resource in statement["Resource"]}
