"""An AWS account on a moto server, filled with boto3 as the module of the cloud fills one."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from skytf.clouds.base import FleetTag
from skytf.clouds.tags import EXPIRES, GATEWAY, OWNER, TRANSFER, expiry_tag
from tests.servers import S3Server
from tests.skytf.clouds.answers import Reply, Request, answer_server

REGIONS = ("eu-west-1", "us-east-1")
_KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "test-secret"}
_IMAGE = "ami-12c6146b"
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
_STORES = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::in/*"}],
    }
)


@dataclass(frozen=True)
class AwsWorld:
    """What the tests of AWS do to the account; ``patch`` undoes what they do to the environment."""

    endpoint_url: str
    closed_port: int
    patch: pytest.MonkeyPatch
    closing: contextlib.ExitStack

    def sign_in(self) -> None:
        self.patch.setenv("AWS_ENDPOINT_URL", self.endpoint_url)
        for name, text in _KEYS.items():
            self.patch.setenv(name, text)

    def sign_out(self) -> None:
        for name in _KEYS:
            self.patch.delenv(name)

    def expire(self) -> None:
        self._answer("ExpiredToken", "The security token included in the request is expired", 400)

    def deny(self, in_region: str = "") -> None:
        """Refuse everything; with *in_region* what is asked of EC2 there."""
        if in_region:
            self._before_moto(
                lambda asked: _denial() if f"/{in_region}/ec2/" in asked.headers["Authorization"] else None
            )
        else:
            self._answer("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)

    def refuse(self, action: str, code: str, times: int) -> None:
        """Let EC2 answer *code* to the next *times* requests for *action*."""
        left = iter(range(times))

        def answer(asked: Request) -> Reply | None:
            if f"Action={action}&".encode() in asked.body and next(left, None) is not None:
                return _denial(code)
            return None

        self._before_moto(answer)

    def simulate(self, denied: str) -> None:
        """Let IAM's simulator, which moto has not, allow all actions but *denied*."""

        def answer(asked: Request) -> Reply | None:
            given = urllib.parse.parse_qs(asked.body.decode())
            if given["Action"] != ["SimulatePrincipalPolicy"]:
                return None
            actions = [values[0] for name, values in given.items() if name.startswith("ActionNames.")]
            members = "".join(
                f"<member><EvalActionName>{one}</EvalActionName>"
                f"<EvalDecision>{'implicitDeny' if one == denied else 'allowed'}</EvalDecision></member>"
                for one in actions
            )
            result = f"<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"
            wrapped = f"<SimulatePrincipalPolicyResult>{result}</SimulatePrincipalPolicyResult>"
            return Reply(f"<SimulatePrincipalPolicyResponse>{wrapped}</SimulatePrincipalPolicyResponse>")

        self._before_moto(answer)

    def set_quota(self, code: str, vcpus: float) -> None:
        """Let Service Quotas, which moto has not for EC2, know one quota."""

        def answer(asked: Request) -> Reply:
            assert asked.json == {"ServiceCode": "ec2", "QuotaCode": code}
            return Reply({"Quota": {"QuotaCode": code, "QuotaName": "Running instances", "Value": vcpus}})

        server = self.closing.enter_context(answer_server(answer))
        self.patch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", server.url)

    def run_instance(self, instance_type: str, *, spot: bool = False) -> None:
        market = {"InstanceMarketOptions": {"MarketType": "spot"}} if spot else {}
        self.client("ec2").run_instances(ImageId=_IMAGE, InstanceType=instance_type, MinCount=1, MaxCount=1, **market)

    def unplug(self) -> None:
        self.patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{self.closed_port}")

    def plant(self, fleet: FleetTag) -> None:
        """Make *fleet*, its gateways by turns in two regions."""
        self._make_identity(fleet)
        for turn, region in enumerate(REGIONS):
            gateways = fleet.gateways[turn :: len(REGIONS)]
            if gateways:
                subnet, group = self._make_network(fleet, region)
                self._make_instances(fleet, region, gateways, subnet, group)

    def plant_half(self, fleet: FleetTag) -> None:
        self._make_identity(fleet)
        self._make_network(fleet, REGIONS[0])

    def plant_stranger(self) -> None:
        ec2 = self.client("ec2", REGIONS[0])
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24", TagSpecifications=_spec("vpc", {"team": "others"}))["Vpc"]
        subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.0.0/25")["Subnet"]
        ec2.run_instances(ImageId=_IMAGE, MinCount=1, MaxCount=1, SubnetId=subnet["SubnetId"])
        self.client("iam").create_role(RoleName="stranger", Path="/skytf/", AssumeRolePolicyDocument=_TRUST)

    def names(self) -> frozenset[str]:
        return frozenset(self._names())

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        """Return a client that is the test's own, whatever was done to the environment."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="AKIAOTHER",
            aws_secret_access_key="other-secret",
        )

    def _make_identity(self, fleet: FleetTag) -> None:
        iam, name = self.client("iam"), f"skytf-{fleet.transfer_id}-gateway"
        tags = _list(_tags(fleet))
        iam.create_role(RoleName=name, Path="/skytf/", AssumeRolePolicyDocument=_TRUST, Tags=tags)
        iam.put_role_policy(RoleName=name, PolicyName="stores", PolicyDocument=_STORES)
        iam.create_instance_profile(InstanceProfileName=name, Path="/skytf/", Tags=tags)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    def _make_network(self, fleet: FleetTag, region: str) -> tuple[str, str]:
        """Make the network of a site; return its subnet and its security group."""
        ec2, tags = self.client("ec2", region), _tags(fleet)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24", TagSpecifications=_spec("vpc", tags))["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/25", TagSpecifications=_spec("subnet", tags))
        subnet_id = str(subnet["Subnet"]["SubnetId"])
        gateway = ec2.create_internet_gateway(TagSpecifications=_spec("internet-gateway", tags))
        gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc)
        table = ec2.create_route_table(VpcId=vpc, TagSpecifications=_spec("route-table", tags))
        table_id = table["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway_id)
        ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet_id)
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{region}.s3",
            RouteTableIds=[table_id],
            TagSpecifications=_spec("vpc-endpoint", tags),
        )
        group = self._make_group(ec2, vpc, tags, f"skytf-{fleet.transfer_id}")
        # Terraform adopts what a VPC brings, and tags it. (Its ACL is left out: moto forgets to remove that.)
        brought = ec2.describe_security_groups(Filters=[_filter("vpc-id", vpc), _filter("group-name", "default")])
        main = ec2.describe_route_tables(Filters=[_filter("vpc-id", vpc), _filter("association.main", "true")])
        adopted = [brought["SecurityGroups"][0]["GroupId"], main["RouteTables"][0]["RouteTableId"]]
        ec2.create_tags(Resources=adopted, Tags=_list(tags))
        return subnet_id, group

    def _make_group(self, ec2: Any, vpc: str, tags: dict[str, str], name: str) -> str:
        specs = _spec("security-group", tags)
        group = str(
            ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc, TagSpecifications=specs)["GroupId"]
        )
        rule = _spec("security-group-rule", tags)
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "192.0.2.1/32"}]}
        inside = {"IpProtocol": "tcp", "FromPort": 1024, "ToPort": 2048, "UserIdGroupPairs": [{"GroupId": group}]}
        for permission in (ssh, inside):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission], TagSpecifications=rule)
        return group

    def _make_instances(self, fleet: FleetTag, region: str, gateways: tuple[str, ...], subnet: str, group: str) -> None:
        ec2 = self.client("ec2", region)
        key = f"skytf-{fleet.transfer_id}"
        ec2.create_key_pair(KeyName=key, TagSpecifications=_spec("key-pair", _tags(fleet)))
        for gateway in gateways:
            tags = {**_tags(fleet), GATEWAY: gateway, "Name": f"skytf-{fleet.transfer_id}-{gateway}"}
            ec2.run_instances(
                ImageId=_IMAGE,
                MinCount=1,
                MaxCount=1,
                SubnetId=subnet,
                SecurityGroupIds=[group],
                KeyName=key,
                IamInstanceProfile={"Name": f"skytf-{fleet.transfer_id}-gateway"},
                TagSpecifications=_spec("instance", tags) + _spec("volume", tags),
            )

    def _names(self) -> Iterator[str]:
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            yield f"role {role['RoleName']}"
        for profile in iam.list_instance_profiles()["InstanceProfiles"]:
            yield f"profile {profile['InstanceProfileName']}"
        for region in REGIONS:
            ec2 = self.client("ec2", region)
            for reservation in ec2.describe_instances()["Reservations"]:
                for one in reservation["Instances"]:
                    if one["State"]["Name"] != "terminated":
                        yield str(one["InstanceId"])
            for ask, listed, field in _LISTS:
                yield from (
                    f"{region} {one[field]}" for one in getattr(ec2, ask)()[listed] if one.get("State") != "deleted"
                )

    def _answer(self, code: str, words: str, status: int) -> None:
        """Let AWS say *code* to everything, EC2 in its format and the others in theirs."""
        error = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"
        query = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        ec2 = _denial(code, words, status)
        server = answer_server(lambda asked: ec2 if b"2016-11-15" in asked.body else Reply(query, status))
        self.patch.setenv("AWS_ENDPOINT_URL", self.closing.enter_context(server).url)

    def _before_moto(self, answer: Callable[[Request], Reply | None]) -> None:
        """Put *answer* before moto, which gets what it answers None to."""

        def answer_or_ask(asked: Request) -> Reply:
            return answer(asked) or _passed_on(self.endpoint_url, asked)

        self.patch.setenv("AWS_ENDPOINT_URL", self.closing.enter_context(answer_server(answer_or_ask)).url)


@contextlib.contextmanager
def aws_world(server: S3Server, closed_port: int, patch: pytest.MonkeyPatch) -> Iterator[AwsWorld]:
    """Empty the account on *server*, and sign in to it."""
    urllib.request.urlopen(urllib.request.Request(f"{server.endpoint_url}/moto-api/reset", method="POST")).close()
    with contextlib.ExitStack() as closing:
        world = AwsWorld(server.endpoint_url, closed_port, patch, closing)
        world.sign_in()
        yield world


def _denial(code: str = "UnauthorizedOperation", words: str = "It was refused.", status: int = 403) -> Reply:
    error = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"
    return Reply(f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>", status)


def _passed_on(url: str, asked: Request) -> Reply:
    headers = {name: text for name, text in asked.headers.items() if name.lower() not in {"host", "content-length"}}
    request = urllib.request.Request(f"{url}{asked.path}", asked.body, headers, method=asked.method)
    try:
        with urllib.request.urlopen(request) as answer:
            return Reply(answer.read().decode(), answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.read().decode(), error.code)


# Without network interfaces and ACLs: moto does not remove them with their instance and their network, as AWS does.
_LISTS = (
    ("describe_vpcs", "Vpcs", "VpcId"),
    ("describe_subnets", "Subnets", "SubnetId"),
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("describe_route_tables", "RouteTables", "RouteTableId"),
    ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("describe_security_groups", "SecurityGroups", "GroupId"),
    ("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
    ("describe_volumes", "Volumes", "VolumeId"),
    ("describe_key_pairs", "KeyPairs", "KeyPairId"),
    ("describe_addresses", "Addresses", "AllocationId"),
)


def _tags(fleet: FleetTag) -> dict[str, str]:
    return {**fleet.tags, TRANSFER: fleet.transfer_id, OWNER: fleet.owner, EXPIRES: expiry_tag(fleet.expires_s)}


def _list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": text} for name, text in tags.items()]


def _spec(kind: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": _list(tags)}]


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}
