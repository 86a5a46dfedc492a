"""How many more instances of a type an account may run in a region: AWS counts vCPUs, by family of types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from skytf.clouds.aws.account import Account
from skytf.clouds.base import Quota
from skytf.clouds.sheet import sheet

# Families by the letters before the generation: the codes of the quotas for on-demand and for spot instances
# (docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html); skytf knows no types of other families.
_STANDARD = ("L-1216C47A", "L-34B43A08")
_CODES = {
    **dict.fromkeys(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), _STANDARD),
    **dict.fromkeys(("g", "gr", "vt"), ("L-DB2E81BA", "L-3819A6DF")),
    "p": ("L-417A185B", "L-7212CCBC"),
    "x": ("L-7295265B", "L-E3A00192"),
}
_FAMILY = re.compile(r"[a-z]+")


def quota(account: Account, region: str, instance_type: str, *, spot: bool) -> Quota | None:
    """
    Return the quota for *instance_type* in *region*, None for a family that has none.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        InputError: skytf does not know the type.
        SkytfError: AWS could not be asked.
    """
    vcpus = sheet("aws").instance(instance_type).vcpus
    code = _code(instance_type, spot=spot)
    if not code:
        return None
    with account.asked(f"quota {code} in {region}"):
        answer = account.client("service-quotas", region).get_service_quota(ServiceCode="ec2", QuotaCode=code)
    used = _vcpus_in_use(account, region, code, spot=spot)
    limit = float(answer["Quota"]["Value"])
    return Quota(
        region=region,
        instance_type=instance_type,
        instances=max(0, int((limit - used) // vcpus)),
        name=f"{answer['Quota'].get('QuotaName', 'vCPUs')} ({code})",
        limit=limit,
        used=used,
        raise_with=f"aws service-quotas request-service-quota-increase --region {region}"
        f" --service-code ec2 --quota-code {code} --desired-value <vCPUs>",
    )


def _vcpus_in_use(account: Account, region: str, code: str, *, spot: bool) -> float:
    """Return the vCPUs of what runs in *region* and counts for the quota *code*."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    used = 0
    with account.asked(f"instances in {region}"):
        for page in account.client("ec2", region).get_paginator("describe_instances").paginate(Filters=running):
            for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                is_spot = instance.get("InstanceLifecycle") == "spot"
                if is_spot is spot and _code(instance["InstanceType"], spot=spot) == code:
                    used += _vcpus(instance)
    return float(used)


def _vcpus(instance: Mapping[str, Any]) -> int:
    if cpu := instance.get("CpuOptions"):
        return int(cpu["CoreCount"]) * int(cpu["ThreadsPerCore"])
    known = sheet("aws").instances.get(instance["InstanceType"])  # bare metal has no such options
    return known.vcpus if known else 1


def _code(instance_type: str, *, spot: bool) -> str:
    family = _FAMILY.match(instance_type)
    return _CODES.get(family[0] if family else "", ("", ""))[1 if spot else 0]
