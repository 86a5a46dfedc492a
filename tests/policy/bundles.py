"""Bundles to hold policies against, made without Terraform: what a plan would say is written here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.locations import parse_location
from gateway.stores.base import StoreSpec
from skytf.bundle import INFRA, MANIFEST, PLAN_JSON, TOPOLOGY, Bundle, Manifest
from skytf.model import codec
from skytf.model.cost import Cost, CostShare
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.render.root import REVIEWED, root_module

AWS, GCP, HERE = Region("aws", "us-east-1"), Region("gcp", "us-central1"), Region("local", "a")
BYTES = 2 * 10**12
TFVARS = f"{INFRA}{REVIEWED}"


def end(url: str, region: Region, *, access: str = "identity", endpoint_url: str = "") -> Endpoint:
    store, prefix = parse_location(url, endpoint_url=endpoint_url, cwd=Path("/"))
    keys = "job-0" if access == "keys" else ""
    return Endpoint(url, replace(store, credentials=keys), prefix, region, access=access)


def path(name: str, region: Region) -> Endpoint:
    return Endpoint(f"/{name}", StoreSpec("file"), name, region)


def change(address: str, after: Any, *, actions: Iterable[str] = ("create",), unknown: Any = None) -> dict[str, Any]:
    return {
        "address": address,
        "mode": "managed",
        "module_address": address.rpartition(".")[0].rpartition(".")[0],
        "type": address.split(".")[-2],
        "change": {"actions": list(actions), "after": after, "after_unknown": unknown or {}},
    }


VM = "module.aws-us-east-1.aws_instance.gateway"
OTHER_VM = "module.gcp-us-central1.google_compute_instance.gateway"
SSH = "module.aws-us-east-1.aws_vpc_security_group_ingress_rule.ssh"
WALL = "module.gcp-us-central1.google_compute_firewall.ssh"


def vm(*, encrypted: Any = True, key: str | None = None, public: bool | None = False, **more: Any) -> dict[str, Any]:
    disk = {"encrypted": encrypted} | ({"kms_key_id": key} if key else {})
    after = {"instance_type": "m5.8xlarge", "associate_public_ip_address": public, "root_block_device": [disk]} | more
    unknown = {"associate_public_ip_address": True} if public is None else {"root_block_device": [{"kms_key_id": True}]}
    return change(VM, {name: value for name, value in after.items() if value is not None}, unknown=unknown)


def other_vm(*, public: bool = False, key: str | None = None) -> dict[str, Any]:
    after = {
        "machine_type": "n2-standard-16",
        "boot_disk": [{"kms_key_self_link": key}],
        "network_interface": [{"access_config": [{"network_tier": "PREMIUM"}] if public else []}],
    }
    return change(OTHER_VM, after, unknown={"network_interface": [{"access_config": []}]})


def inbound(cidr: str | None) -> dict[str, Any]:
    return change(SSH, {"cidr_ipv4": cidr, "cidr_ipv6": None})


def wall(*ranges: str | None, allow: bool = True, direction: str = "INGRESS") -> dict[str, Any]:
    return change(WALL, {"allow": [{}] if allow else [], "direction": direction, "source_ranges": list(ranges)})


USUAL = (vm(public=True), other_vm(public=True), inbound("192.0.2.1/32"), wall("192.0.2.1/32"))
PRIVATE = (vm(key="arn:k"), other_vm(key="projects/k"))


def costs(likely: float | None, high: float | None, *, low: float = 100.0, known: Span | None = None) -> Cost:
    total = Span(low, likely, high)
    return Cost((), (CostShare("job-0", 0, "gs://to/b/", known or total),), total)


def bundle(
    *changes: dict[str, Any],
    source: Endpoint | None = None,
    destinations: tuple[Endpoint, ...] = (),
    cost: Cost | None = None,
    offline: bool = False,
    size: int = BYTES,
    recursive: bool = True,
    **asked: Any,
) -> Bundle:
    """A bundle from aws:us-east-1 to gcp:us-central1, whose plan has *changes*; *asked* are fields of its request."""
    ends = destinations or (end("gs://to/b/", GCP),)
    request = Request((Job("job-0", source or end("s3://from/a/", AWS), ends, recursive=recursive),), **asked)
    manifest = Manifest(request, (JobSurvey("job-0", 10, size, size // 10),))
    topology = replace(plan(request), cost=cost or costs(150.0, 200.0))
    files = {
        MANIFEST: codec.encode(manifest),
        TOPOLOGY: codec.encode(topology),
        TFVARS: root_module(topology, request)[REVIEWED],
    }
    if not offline:
        files[PLAN_JSON] = json.dumps({"format_version": "1.2", "resource_changes": changes or USUAL}).encode()
    return Bundle(files, manifest, topology, {})


NETWORKS = (SiteOption("aws", "existing_network", ("subnet-1",)), SiteOption("gcp", "existing_network", ("net",)))
KEYS = (SiteOption("aws", "disk_kms_key", ("arn:k",)), SiteOption("gcp", "disk_kms_key", ("projects/k",)))
_STORE_KEYS = (SiteOption("aws", "store_kms_keys", ("arn:s",)),)  # Google Cloud opens its keys itself
_ELSEWHERE = end("s3://to/b/", AWS, access="keys", endpoint_url="https://store.example.com/")

# What the cases of cases.yaml name.
BUNDLES: dict[str, Bundle] = {
    "usual": bundle(),
    "offline": bundle(offline=True),
    "this machine": bundle(
        change("module.local-a.terraform_data.vm", {}),
        source=path("in", HERE),
        destinations=(path("out/x", Region("local", "b")),),
    ),
    "unknown cost": bundle(cost=costs(None, None)),
    "no cost": bundle(cost=Cost((), (), Span())),
    "nothing to move": bundle(size=0),
    "a cent for each GB": bundle(size=10 * 10**9, cost=costs(0.1, 0.1, low=0.1)),
    "two destinations": bundle(destinations=(end("gs://to/b/", GCP), end("gs://other/c", GCP))),
    "many gateways": bundle(instances=3),
    "long": bundle(ttl_minutes=601),
    "tagged": bundle(tags=(("cost-centre", "cc-7"), ("team", "storage"))),
    "spot": bundle(spot=True),
    "private": bundle(*PRIVATE, private_addresses=True, site_options=NETWORKS),
    "private, but not as planned": bundle(vm(public=True), private_addresses=True, site_options=NETWORKS),
    "private, but nobody knows": bundle(vm(public=None), private_addresses=True, site_options=NETWORKS),
    "keys": bundle(*PRIVATE, site_options=(*KEYS, *_STORE_KEYS)),
    "a disk that is not encrypted": bundle(vm(encrypted=False), other_vm()),
    "an encryption that is not known yet": bundle(vm(encrypted=None), other_vm()),
    "no disk at all": bundle(vm(root_block_device=[]), other_vm()),
    "another type as planned": bundle(vm(instance_type="p5.48xlarge")),
    "a type that is not known yet": bundle(vm(instance_type=None)),
    "two types": bundle(site_options=(SiteOption("aws", "instance_types", ("m5.8xlarge", "m6i.8xlarge")),)),
    "a stranger": bundle(*USUAL, change("module.aws-us-east-1.aws_eip.extra", {})),
    "a neighbour's type": bundle(*USUAL, change("module.aws-us-east-1.azurerm_public_ip.x", {})),
    "a deletion": bundle(*USUAL, change(SSH, None, actions=("delete",))),
    "a replacement": bundle(vm(public=True), change(SSH, {}, actions=("delete", "create"))),
    "a vm that goes": bundle(*PRIVATE, change(VM, None, actions=("delete",))),
    "two interfaces": bundle(
        *PRIVATE[:1],
        change(OTHER_VM, {"network_interface": [{"access_config": []}, {"access_config": [{}]}]}),
        private_addresses=True,
        site_options=NETWORKS,
    ),
    "nothing done": bundle(*USUAL, change("module.aws-us-east-1.aws_eip.extra", {}, actions=("no-op",))),
    "open": bundle(inbound("0.0.0.0/0"), wall("192.0.2.1/32", "0.0.0.0/0")),
    "refusing": bundle(inbound(None), wall("0.0.0.0/0", allow=False), wall(None)),
    "outbound": bundle(wall("0.0.0.0/0", direction="EGRESS")),
    "keys that travel": bundle(vm(public=True), destinations=(_ELSEWHERE,)),
    "keys that stay": bundle(
        other_vm(), source=end("s3://from/a/", HERE, access="keys", endpoint_url="http://127.0.0.1:9")
    ),
    "one object": bundle(source=end("s3://from/a", AWS), destinations=(end("gs://to/b", GCP),), recursive=False),
    "a whole bucket": bundle(source=end("s3://from", AWS), destinations=(end("gs://to//", GCP),)),
    "odd names": bundle(destinations=(end("gs://to.x/a+b (c)/ü/", GCP),)),
}
