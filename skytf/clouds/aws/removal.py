"""Remove what was found in an AWS account, what needs another thing before that thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Event
from typing import Any

from skytf.clouds.aws.account import Account, error_code
from skytf.clouds.removal import summary
from skytf.clouds.tags import Tagged
from skytf.errors import SkytfError

_REGIONS_AT_ONCE = 16
# An address or endpoint that is gone is still named by its network for a while: 1 s, 2 s, 4 s … about a minute.
_TRIES = 7
_FIRST_PAUSE_S = 1.0
_HELD = frozenset({"DependencyViolation", "ResourceInUse", "DeleteConflict", "InvalidIPAddress.InUse", "VolumeInUse"})
_GONE = frozenset({"NoSuchEntity", "Gateway.NotAttached", "InvalidInstanceID.NotFound"})
_TERMINATED = {"Delay": 5, "MaxAttempts": 120}

Remove = Callable[[Any, str], object]


def remove(account: Account, resources: Sequence[Tagged]) -> tuple[str, ...]:
    """
    Remove *resources*; return those that were there, in words, in the order of removal.

    Returns when they are gone. What vanishes with another (a volume with its instance) is not named.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Something could not be removed; everything else was tried.
    """
    regions = {
        place: list(some)
        for place, some in groupby(sorted(resources, key=lambda one: one.place), lambda one: one.place)
    }
    identities = regions.pop("", [])
    problems: list[SkytfError] = []
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="aws-remove") as pool:
        works = [pool.submit(_in_region, account, region, some, problems) for region, some in regions.items()]
    removed = [one for work in works for one in work.result()]
    # When the instances are gone nothing holds their profiles.
    removed += _each(account, account.client("iam"), identities, _IDENTITIES, problems) if identities else []
    if problems:
        raise summary(problems)
    return tuple(str(one) for one in removed)


def _in_region(account: Account, region: str, resources: Sequence[Tagged], problems: list[SkytfError]) -> list[Tagged]:
    ec2 = account.client("ec2", region)
    try:
        with account.asked(region):
            kept = _brought_by_networks(ec2)
            _terminate(ec2, [one.name for one in resources if one.kind == "instance"])
            for group in (one.name for one in resources if one.kind == "security group"):
                _empty_group(ec2, group)
    except SkytfError as error:
        problems.append(error)
        return []
    instances = [one for one in resources if one.kind == "instance"]
    others = [one for one in resources if one.kind in _IN_REGION and one.name not in kept]
    return instances + _each(account, ec2, others, _IN_REGION, problems)


def _each(
    account: Account,
    client: Any,
    resources: Iterable[Tagged],
    removals: Mapping[str, Remove],
    problems: list[SkytfError],
) -> list[Tagged]:
    order = list(removals)
    removed = []
    for one in sorted(resources, key=lambda one: (order.index(one.kind), one.name)):
        try:
            with account.asked(str(one)):
                if _until_free(lambda one=one: removals[one.kind](client, one.name)):  # type: ignore[misc]  # mypy infers no default of a lambda
                    removed.append(one)
        except SkytfError as error:
            problems.append(error)
    return removed


def _until_free(removal: Callable[[], object]) -> bool:
    """Do *removal*, again while something still holds the thing; return whether it was there."""
    from botocore.exceptions import ClientError

    pause = Event()
    for attempt in range(_TRIES):
        try:
            removal()
        except ClientError as error:
            code = error_code(error)
            if code in _GONE or code.endswith((".NotFound", ".NotFoundException")):
                return False
            if code not in _HELD or attempt == _TRIES - 1:
                raise
            pause.wait(_FIRST_PAUSE_S * 2**attempt)
        else:
            return True
    raise AssertionError("unreachable")


def _terminate(ec2: Any, ids: list[str]) -> None:
    if ids:
        ec2.terminate_instances(InstanceIds=ids)
        ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=_TERMINATED)


def _brought_by_networks(ec2: Any) -> set[str]:
    """Return what every VPC brings and takes with it: its default group and ACL, its main route table."""

    def ids(operation: str, listed: str, field: str, **filters: str) -> Iterator[str]:
        wanted = [{"Name": name.replace("_", "-"), "Values": [text]} for name, text in filters.items()]
        for page in ec2.get_paginator(operation).paginate(Filters=wanted):
            yield from (one[field] for one in page[listed])

    main = {"association.main": "true"}
    return {
        *ids("describe_security_groups", "SecurityGroups", "GroupId", group_name="default"),
        *ids("describe_network_acls", "NetworkAcls", "NetworkAclId", default="true"),
        *ids("describe_route_tables", "RouteTables", "RouteTableId", **main),
    }


def _end_volume(ec2: Any, volume_id: str) -> None:
    ec2.delete_volume(VolumeId=volume_id)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume_id])


def _end_endpoint(ec2: Any, endpoint_id: str) -> None:
    from botocore.exceptions import ClientError

    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    for refused in answer.get("Unsuccessful", ()):  # it answers 200 all the same
        raise ClientError({"Error": refused["Error"]}, "DeleteVpcEndpoints")


def _empty_group(ec2: Any, group_id: str) -> None:
    """Take the rules out: those of two groups that name each other would hold both."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    rules = [rule for page in pages for rule in page["SecurityGroupRules"]]
    for revoke, egress in ((ec2.revoke_security_group_egress, True), (ec2.revoke_security_group_ingress, False)):
        if ids := [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] is egress]:
            revoke(GroupId=group_id, SecurityGroupRuleIds=ids)


def _end_gateway(ec2: Any, gateway_id: str) -> None:
    (gateway,) = ec2.describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"]
    for attachment in gateway["Attachments"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=attachment["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway_id)


def _end_table(ec2: Any, table_id: str) -> None:
    (table,) = ec2.describe_route_tables(RouteTableIds=[table_id])["RouteTables"]
    for association in table["Associations"]:
        ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=table_id)


def _end_profile(iam: Any, name: str) -> None:
    for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=name)


def _end_role(iam: Any, name: str) -> None:
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


# In this order, after the instances.
_IN_REGION: dict[str, Remove] = {
    "spot request": lambda ec2, name: ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[name]),
    "elastic IP": lambda ec2, name: ec2.release_address(AllocationId=name),
    "VPC endpoint": _end_endpoint,
    "network interface": lambda ec2, name: ec2.delete_network_interface(NetworkInterfaceId=name),
    "volume": _end_volume,
    "launch template": lambda ec2, name: ec2.delete_launch_template(LaunchTemplateId=name),
    "key pair": lambda ec2, name: ec2.delete_key_pair(KeyName=name),
    "security group": lambda ec2, name: ec2.delete_security_group(GroupId=name),
    "subnet": lambda ec2, name: ec2.delete_subnet(SubnetId=name),
    "route table": _end_table,
    "network ACL": lambda ec2, name: ec2.delete_network_acl(NetworkAclId=name),
    "internet gateway": _end_gateway,
    "VPC": lambda ec2, name: ec2.delete_vpc(VpcId=name),
}
_IDENTITIES: dict[str, Remove] = {
    "instance profile": _end_profile,
    "role": _end_role,
    "policy": lambda iam, name: iam.delete_policy(PolicyArn=name),
}
