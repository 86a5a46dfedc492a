"""What an AWS account holds that carries the tag of a transfer: in every region that is enabled, and in IAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

from skytf.clouds.aws.account import Account, AwsDenied, error_code
from skytf.clouds.tags import TRANSFER, Tagged

PATH = "/skytf/"  # under which the module makes roles, instance profiles and policies

_REGIONS_AT_ONCE = 16
# EC2 goes on showing these, tags and all, for up to an hour after they ended.
_ENDED = frozenset({"cancelled", "closed", "deleted", "deleting", "failed", "terminated"})


def find(account: Account) -> tuple[Tagged, ...]:
    """
    Return every resource with the tag of some transfer, those without a region first, then by region.

    A region that a policy closes is passed over, and IAM where it may not be listed: with the same credentials nothing
    was made there.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: AWS could not be asked.
    """
    regions = account.regions()
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="aws-find") as pool:
        identities = pool.submit(_unless_denied, _identities, account)
        # Submitted before any is waited for; the first that fails is raised when all have ended.
        found = list(pool.map(lambda region: _unless_denied(in_region, account, region), regions))
        if regions and all(one is None for one in found):
            in_region(account, regions[0])  # refused everywhere: that is an error, and this raises it
        return tuple(chain(identities.result() or (), *(one or () for one in found)))


def in_region(account: Account, region: str) -> tuple[Tagged, ...]:
    """Return what *region* holds that still counts; raises as `find` does."""
    ec2 = account.client("ec2", region)
    ours = [{"Name": "tag-key", "Values": [TRANSFER]}]
    found: list[Tagged] = []
    with account.asked(f"tags in {region}"):
        # One question where there is nothing, which is nearly everywhere. The tags of what was removed stay for a
        # while, so each kind is then looked at itself.
        tags = _listed(ec2, "describe_tags", "Tags", Filters=[{"Name": "key", "Values": [TRANSFER]}])
        prefixes = {str(tag["ResourceId"]).rpartition("-")[0] for tag in tags}
        for prefix, kind in _KINDS.items():
            if prefix in prefixes:
                shown = _listed(ec2, kind.operation, kind.listed, Filters=ours)
                found += [Tagged(kind.name, one[kind.id], region, _tags(one)) for one in shown if not _has_ended(one)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How EC2 describes resources of one kind."""

    name: str
    operation: str
    listed: str
    id: str


# By the beginning of a resource's id.
_KINDS = {
    "acl": _Kind("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    "eipalloc": _Kind("elastic IP", "describe_addresses", "Addresses", "AllocationId"),
    "eni": _Kind("network interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    "i": _Kind("instance", "describe_instances", "Reservations", "InstanceId"),
    "igw": _Kind("internet gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "key": _Kind("key pair", "describe_key_pairs", "KeyPairs", "KeyName"),
    "lt": _Kind("launch template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    "rtb": _Kind("route table", "describe_route_tables", "RouteTables", "RouteTableId"),
    "sg": _Kind("security group", "describe_security_groups", "SecurityGroups", "GroupId"),
    "sir": _Kind("spot request", "describe_spot_instance_requests", "SpotInstanceRequests", "SpotInstanceRequestId"),
    "subnet": _Kind("subnet", "describe_subnets", "Subnets", "SubnetId"),
    "vol": _Kind("volume", "describe_volumes", "Volumes", "VolumeId"),
    "vpc": _Kind("VPC", "describe_vpcs", "Vpcs", "VpcId"),
    "vpce": _Kind("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
}


def _has_ended(described: Mapping[str, Any]) -> bool:
    state = described.get("State", "")
    return str(state.get("Name") if isinstance(state, dict) else state).lower() in _ENDED


def _identities(account: Account) -> tuple[Tagged, ...]:
    iam = account.client("iam")
    found: list[Tagged] = []
    with account.asked("roles"):
        # Lists come without tags: each is looked at.
        for one in _listed(iam, "list_instance_profiles", "InstanceProfiles", PathPrefix=PATH):
            name = one["InstanceProfileName"]
            profile = _unless_gone(iam.get_instance_profile, InstanceProfileName=name).get("InstanceProfile", {})
            found.append(Tagged("instance profile", name, "", _tags(profile)))
        for one in _listed(iam, "list_roles", "Roles", PathPrefix=PATH):
            role = _unless_gone(iam.get_role, RoleName=one["RoleName"]).get("Role", {})
            found.append(Tagged("role", one["RoleName"], "", _tags(role)))
        for one in _listed(iam, "list_policies", "Policies", PathPrefix=PATH, Scope="Local"):
            policy = _unless_gone(iam.get_policy, PolicyArn=one["Arn"]).get("Policy", {})
            found.append(Tagged("policy", one["Arn"], "", _tags(policy)))
    return tuple(one for one in found if TRANSFER in one.tags)


def _listed(client: Any, operation: str, field: str, **arguments: Any) -> Iterator[Any]:
    paged = client.can_paginate(operation)
    pages = (
        client.get_paginator(operation).paginate(**arguments) if paged else [getattr(client, operation)(**arguments)]
    )
    for page in pages:
        for one in page[field]:
            yield from one["Instances"] if field == "Reservations" else (one,)


def _tags(described: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}


def _unless_gone(ask: Callable[..., Mapping[str, Any]], **which: str) -> Mapping[str, Any]:
    """Return the answer, empty where *which* went after it was listed: another transfer may be ending just now."""
    from botocore.exceptions import ClientError

    try:
        return ask(**which)
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        return {}


def _unless_denied(ask: Callable[..., tuple[Tagged, ...]], *arguments: Any) -> tuple[Tagged, ...] | None:
    try:
        return ask(*arguments)
    except AwsDenied:
        return None
