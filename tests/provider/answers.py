"""What data sources answer where the world says nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.provider.invent import ACCOUNT, PROJECT, SUBSCRIPTION, TENANT
from tests.provider.values import Values

_NAME = re.compile(r'name\s*=\s*"?([a-z0-9-]+)')
_PROFILES = ("bx2-2x8", "bx2-4x16", "bx2-8x32", "bx2-16x64", "cx2-8x16", "cx2-16x32", "cx2-32x64")
_UBUNTU = "ubuntu-2404-noble-amd64-v20260101"


def answer(kind: str, arguments: Values, settings: Values) -> Values:
    """
    Return what is not merely invented of data source *kind*.

    Args:
        kind: Its type.
        arguments: Its own arguments.
        settings: Those of the provider, such as the region.
    """
    make = _ANSWERS.get(kind)
    return make(arguments, settings) if make else {}


def _region(arguments: Values, settings: Values) -> str:
    return str(arguments.get("region") or settings.get("region") or "us-east-1")


def _aws_zones(arguments: Values, settings: Values) -> list[str]:
    return [f"{_region(arguments, settings)}{letter}" for letter in "abc"]


def _aws_ami(arguments: Values, settings: Values) -> Values:
    image = "ami-0123456789abcdef0"
    return {
        "id": image,
        "image_id": image,
        "name": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101",
        "architecture": "x86_64",
        "root_device_name": "/dev/sda1",
        "state": "available",
        "virtualization_type": "hvm",
    }


def _aws_offerings(arguments: Values, settings: Values) -> Values:
    types = [
        value for one in arguments.get("filter") or [] if one["name"] == "instance-type" for value in one["values"]
    ]
    zones = _aws_zones(arguments, settings)
    return {
        "locations": zones,
        "instance_types": (types or ["m6i.large"]) * len(zones),
        "location_types": [arguments.get("location_type") or "region"] * len(zones),
    }


def _aws_policy(arguments: Values, settings: Values) -> Values:
    text = json.dumps({"Version": "2012-10-17", "Statement": [_statement(one) for one in arguments["statement"]]})
    return {"json": text, "minified_json": text}


def _statement(block: Values) -> Values:
    out: Values = {"Effect": block.get("effect") or "Allow"}
    if block.get("sid"):
        out["Sid"] = block["sid"]
    for argument, key in (("actions", "Action"), ("resources", "Resource"), ("not_actions", "NotAction")):
        if block.get(argument):
            out[key] = block[argument]
    for one in block.get("principals") or []:
        out.setdefault("Principal", {})[one["type"]] = one["identifiers"]
    for one in block.get("condition") or []:
        out.setdefault("Condition", {}).setdefault(one["test"], {})[one["variable"]] = one["values"]
    return out


def _aws_subnet(arguments: Values, settings: Values) -> Values:
    return {
        "id": arguments.get("id") or "subnet-0123456789abcdef0",
        "arn": f"arn:aws:ec2:{_region(arguments, settings)}:{ACCOUNT}:subnet/{arguments.get('id')}",
        "availability_zone": _aws_zones(arguments, settings)[0],
        "cidr_block": "10.0.0.0/24",
        "owner_id": ACCOUNT,
        "state": "available",
        "vpc_id": "vpc-0123456789abcdef0",
    }


def _google_subnetwork(arguments: Values, settings: Values) -> Values:
    project = arguments.get("project") or settings.get("project") or PROJECT
    region = arguments.get("region") or settings.get("region") or "us-central1"
    link = arguments.get("self_link") or ""
    parts = link.split("/")
    if "regions" in parts:
        region = parts[parts.index("regions") + 1]
    name = arguments.get("name") or (parts[-1] if link else "subnet")
    root = f"https://www.googleapis.com/compute/v1/projects/{project}"
    return {
        "id": f"projects/{project}/regions/{region}/subnetworks/{name}",
        "ip_cidr_range": "10.0.0.0/24",
        "name": name,
        "network": f"{root}/global/networks/network",
        "region": region,
        "self_link": f"{root}/regions/{region}/subnetworks/{name}",
    }


def _google_machine_types(arguments: Values, settings: Values) -> Values:
    names = _NAME.findall(arguments.get("filter") or "") or ["n2-standard-16"]
    return {"machine_types": [{"name": name, "guest_cpus": 2, "memory_mb": 8192} for name in names]}


def _google_image(arguments: Values, settings: Values) -> Values:
    name = arguments.get("name") or _UBUNTU
    path = f"projects/{arguments.get('project') or 'ubuntu-os-cloud'}/global/images/{name}"
    link = f"https://www.googleapis.com/compute/v1/{path}"
    return {"id": path, "name": name, "self_link": link, "status": "READY"}


def _azure_place(arguments: Values, settings: Values) -> Values:
    return {"location": "eastus"}


def _azure_id(kind: str) -> Callable[[Values, Values], Values]:
    def make(arguments: Values, settings: Values) -> Values:
        subscription = settings.get("subscription_id") or SUBSCRIPTION
        root = f"/subscriptions/{subscription}/resourceGroups/{arguments.get('resource_group_name') or 'group'}"
        network = arguments.get("virtual_network_name")
        parent = f"Microsoft.Network/virtualNetworks/{network}/subnets" if network else kind
        return {"id": f"{root}/providers/{parent}/{arguments.get('name')}", "location": "eastus"}

    return make


def _ibm_images(arguments: Values, settings: Values) -> Values:
    one = {"id": "r014-11111111-2222-4333-8444-555555555555", "status": "available", "architecture": "amd64"}
    return {"images": [{**one, "name": "ibm-ubuntu-24-04-6-minimal-amd64-1", "os": "ubuntu-24-04-amd64"}]}


def _ibm_image(arguments: Values, settings: Values) -> Values:
    image: Values = _ibm_images(arguments, settings)["images"][0]
    return {**image, "name": arguments.get("name") or image["name"]}


def _ibm_instance(arguments: Values, settings: Values) -> Values:
    guid = arguments.get("identifier") or "66666666-2222-4333-8444-555555555555"
    crn = f"crn:v1:bluemix:public:cloud-object-storage:global:a/{ACCOUNT}:{guid}::"
    return {"guid": guid, "crn": crn, "resource_crn": crn, "id": crn}


def _ibm_zones(arguments: Values, settings: Values) -> Values:
    return {"zones": [f"{_region(arguments, settings)}-{number}" for number in (1, 2, 3)]}


_ANSWERS: dict[str, Callable[[Values, Values], Values]] = {
    "aws_ami": _aws_ami,
    "aws_availability_zones": lambda a, s: {
        "names": _aws_zones(a, s),
        "zone_ids": ["use1-az1", "use1-az2", "use1-az3"],
    },
    "aws_caller_identity": lambda a, s: {
        "account_id": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/tester",
        "id": ACCOUNT,
        "user_id": "AIDAEXAMPLE",
    },
    "aws_ec2_instance_type_offerings": _aws_offerings,
    "aws_iam_policy_document": _aws_policy,
    "aws_partition": lambda a, s: {
        "id": "aws",
        "partition": "aws",
        "dns_suffix": "amazonaws.com",
        "reverse_dns_prefix": "com.amazonaws",
    },
    "aws_region": lambda a, s: {
        "id": _region(a, s),
        "name": _region(a, s),
        "endpoint": f"ec2.{_region(a, s)}.amazonaws.com",
    },
    "aws_ssm_parameter": lambda a, s: {"value": "ami-0123456789abcdef0", "type": "String", "version": 1},
    "aws_subnet": _aws_subnet,
    "aws_subnets": lambda a, s: {"ids": ["subnet-0123456789abcdef0"]},
    "aws_vpc": lambda a, s: {"id": a.get("id") or "vpc-0123456789abcdef0", "cidr_block": "10.0.0.0/16"},
    "azurerm_client_config": lambda a, s: {
        "client_id": "00000000-0000-4000-8000-000000000003",
        "object_id": "00000000-0000-4000-8000-000000000004",
        "subscription_id": s.get("subscription_id") or SUBSCRIPTION,
        "tenant_id": TENANT,
    },
    "azurerm_platform_image": lambda a, s: {"version": a.get("version") or "24.04.202601010"},
    "azurerm_resource_group": lambda a, s: {
        "id": f"/subscriptions/{s.get('subscription_id') or SUBSCRIPTION}/resourceGroups/{a['name']}",
        "location": "eastus",
    },
    "azurerm_storage_account": _azure_id("Microsoft.Storage/storageAccounts"),
    "azurerm_subnet": _azure_id("Microsoft.Network/virtualNetworks"),
    "azurerm_subscription": lambda a, s: {
        "id": f"/subscriptions/{s.get('subscription_id') or SUBSCRIPTION}",
        "subscription_id": a.get("subscription_id") or s.get("subscription_id") or SUBSCRIPTION,
        "state": "Enabled",
        "tenant_id": TENANT,
    },
    "azurerm_virtual_network": _azure_id("Microsoft.Network/virtualNetworks"),
    "google_client_config": lambda a, s: {
        "id": "projects/x",
        "project": s.get("project") or PROJECT,
        "region": _region(a, s),
        "access_token": "token-of-the-tests",
    },
    "google_compute_image": _google_image,
    "google_compute_machine_types": _google_machine_types,
    "google_compute_subnetwork": _google_subnetwork,
    "google_compute_zones": lambda a, s: {"names": [f"{_region(a, s)}-{letter}" for letter in "abc"]},
    "google_project": lambda a, s: {
        "number": "123456789012",
        "project_id": a.get("project_id") or s.get("project") or PROJECT,
    },
    "ibm_is_image": _ibm_image,
    "ibm_is_images": _ibm_images,
    "ibm_is_instance_profiles": lambda a, s: {"profiles": [{"name": name, "status": "current"} for name in _PROFILES]},
    "ibm_is_zones": _ibm_zones,
    "ibm_resource_group": lambda a, s: {"id": "0123456789abcdef0123456789abcdef", "name": a.get("name") or "Default"},
    "ibm_resource_instance": _ibm_instance,
}
