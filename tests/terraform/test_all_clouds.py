"""All clouds in one root module, as it is rendered: created, reached, admitted to each other, and gone again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.stores.base import StoreSpec
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import sheet
from skytf.localvm.machine import recorded
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.planner import plan
from skytf.render.root import APPLY_TIME, PLACEHOLDERS, apply_values, root_module
from skytf.runner.shim import library_path
from tests.provider.workdir import Workdir
from tests.provider.world import World
from tests.skytf.localvm.vm import KeyPair, run, ssh

pytestmark = pytest.mark.skipif(
    library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"
)

SSH_PORT = 20_122
TRANSFER = "20261122-164001-ab12cd"
OPERATOR = "198.51.100.7/32"
EXPIRES = "2040-01-31T12:00:00Z"


def end(scheme: str, bucket: str, cloud: str, region: str) -> Endpoint:
    store = StoreSpec(scheme, bucket)
    return Endpoint(f"{scheme}://{bucket}/data/", store, "data/", Region(cloud, region), access="identity")


ENDS = {
    "aws": end("s3", "bucket-aws", "aws", "us-east-1"),
    "gcp": end("gs", "bucket-gcp", "gcp", "us-central1"),
    "azure": end("azure", "account/container", "azure", "westeurope"),
    "ibm": end("cos", "bucket-ibm", "ibm", "us-south"),
}
_GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/data"
FACTS = (
    ("azure", "storage_account/account", f"{_GROUP}/providers/Microsoft.Storage/storageAccounts/account"),
    ("azure", "subscription", "11111111-2222-4333-8444-555555555555"),
    ("gcp", "project", "example-project"),
    ("ibm", "cos_instance/bucket-ibm", "22222222-2222-4333-8444-555555555555"),
    ("ibm", "resource_group", "0123456789abcdef0123456789abcdef"),
)


def request(source: Endpoint, *destinations: Endpoint) -> Request:
    clouds = {one.region.cloud for one in (source, *destinations)}
    return Request(
        jobs=(Job("job-0", source, destinations, recursive=True),),
        ssh_port=SSH_PORT,
        tags=(("team", "storage"),),
        facts=tuple(fact for fact in FACTS if fact[0] in clouds),
    )


def lay_out(workdir: Workdir, wanted: Request) -> dict[str, KeyPair]:
    """Write the root module of *wanted* with values as at apply; return gateway id → host key, and the operator's."""
    topology = plan(wanted)
    for name, content in root_module(topology, wanted).items():
        path = workdir.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    keys = {one.gateway_id: KeyPair.generate() for one in topology.gateways} | {"operator": KeyPair.generate()}
    (workdir.directory / APPLY_TIME).write_bytes(
        apply_values(
            transfer_id=TRANSFER,
            owner="tester",
            expires_at=EXPIRES,
            ssh_public_key=keys["operator"].public,
            host_keys={name: key.private for name, key in keys.items()},
            operator_cidr=OPERATOR,
        )
    )
    workdir.run("init")
    return keys


def test_every_cloud_with_a_provider_is_covered() -> None:
    assert set(ENDS) == {cloud for cloud in CLOUDS if sheet(cloud).provider}


def test_a_fleet_in_all_clouds_is_reached_and_leaves_nothing(workdir: Workdir, world: World) -> None:
    wanted = request(ENDS["aws"], *(one for cloud, one in ENDS.items() if cloud != "aws"), other_region())
    keys = lay_out(workdir, wanted)

    warnings = json.loads(workdir.run("validate", "-json").stdout)["diagnostics"]
    workdir.run("plan", f"-var-file={PLACEHOLDERS}")
    workdir.apply()

    assert warnings == []
    gateways = workdir.output("gateways")
    assert set(gateways) == keys.keys() - {"operator"}
    for gateway_id, one in gateways.items():
        with ssh(
            one["ssh_port"], keys[gateway_id].public, keys["operator"].private, host=one["public_ip"]
        ) as connection:
            assert run(connection, "skytf-rotate-host-key").out.startswith("ssh-ed25519 ")
    assert workdir.changes() == 0
    workdir.destroy()
    assert world.resources() == []
    assert recorded(world.machines) == ()


def other_region() -> Endpoint:
    return end("s3", "bucket-eu", "aws", "eu-west-1")


@pytest.fixture(params=sorted(ENDS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def far_from(cloud: str) -> Endpoint:
    """Return an end in another cloud, so that each has somebody to admit."""
    return ENDS["gcp" if cloud == "aws" else "aws"]


@pytest.mark.slow
def test_everything_of_a_fleet_is_found_by_its_tags(cloud: str, workdir: Workdir, world: World) -> None:
    lay_out(workdir, request(far_from(cloud), ENDS[cloud]))

    workdir.apply()

    for one in world.resources():
        text = json.dumps(one)
        if one["type"] not in _WITHOUT_MARKS:
            assert TRANSFER in text, one["type"]
        if one["type"] in _TAGGED:
            tags = one.get("labels") or one.get("tags")
            marks = ("skytf-transfer-id", "skytf-owner", "skytf-expires-at", "team")
            assert all(mark in json.dumps(tags) for mark in marks), one["type"]
    workdir.destroy()


_TAGGED = {
    *("aws_instance", "aws_vpc", "aws_subnet", "aws_security_group", "aws_iam_role", "google_compute_instance"),
    *("azurerm_linux_virtual_machine", "azurerm_resource_group", "azurerm_public_ip", "azurerm_network_interface"),
    *("ibm_is_instance", "ibm_is_vpc", "ibm_is_subnet", "ibm_is_floating_ip", "ibm_is_security_group"),
}
# Parts of something that is marked, with no place for a mark of their own.
_WITHOUT_MARKS = {
    *("aws_route", "aws_route_table_association", "ibm_is_security_group_rule"),
    *("azurerm_network_interface_security_group_association", "azurerm_subnet_network_security_group_association"),
}


@pytest.mark.slow
def test_data_ports_are_open_for_the_other_gateway_alone(cloud: str, workdir: Workdir, world: World) -> None:
    lay_out(workdir, request(far_from(cloud), ENDS[cloud]))

    workdir.apply()

    peers = {
        one["public_ip"] for one in workdir.output("gateways").values() if one["region"] != ENDS[cloud].region.name
    }
    rules = [one for one in world.resources() if one["type"] in _RULES and cloud in _CLOUD_OF[one["type"]]]
    sources = {source for one in rules for source in _sources(one)}
    assert f"{peers.pop()}/32" in sources
    assert OPERATOR in sources
    assert not {one for one in sources if one.endswith("/0") or one in ("*", "Internet")}
    workdir.destroy()


_RULES = (
    "aws_vpc_security_group_ingress_rule",
    "google_compute_firewall",
    "azurerm_network_security_rule",
    "ibm_is_security_group_rule",
)
_CLOUD_OF = dict(zip(_RULES, ("aws", "gcp", "azure", "ibm"), strict=True))


def _sources(rule: dict[str, object]) -> list[str]:
    """Return whom *rule* lets in."""
    if str(rule.get("direction") or "inbound").lower().replace("ingress", "inbound") != "inbound":
        return []
    if rule.get("access") == "Deny" or rule.get("deny"):
        return []
    found: list[str] = []
    for name in ("cidr_ipv4", "source_ranges", "source_address_prefix", "source_address_prefixes", "remote"):
        value = rule.get(name)
        found += [str(one) for one in (value if isinstance(value, list) else [value]) if one]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "words"),
    [
        (SiteOption("gcp", "existing_network", ("projects/p/regions/europe-west1/subnetworks/s",)), "is not in us-c"),
        (SiteOption("ibm", "existing_network", ("subnet",)), "An existing_network of IBM Cloud is VPC/ZONE/SUBNET"),
    ],
)
def test_a_network_that_cannot_be_joined_is_refused_before_anything_is_created(
    workdir: Workdir, world: World, option: SiteOption, words: str
) -> None:
    lay_out(workdir, replace(request(far_from(option.where), ENDS[option.where]), site_options=(option,)))

    said = workdir.run("apply", "-auto-approve", ok=False)

    assert words in " ".join(said.stderr.replace("│", "").split())
    assert world.resources() == []


def test_a_subnet_of_another_region_is_refused_before_anything_is_created(workdir: Workdir, world: World) -> None:
    option = SiteOption("aws", "existing_network", ("subnet-1",))
    lay_out(workdir, replace(request(ENDS["gcp"], ENDS["aws"]), site_options=(option,)))
    world.answer("aws_subnet", {"availability_zone": "eu-west-1a"}, where={"id": "subnet-1"})

    said = workdir.run("apply", "-auto-approve", ok=False)

    assert "subnet-1" in said.stderr
    assert world.resources() == []


@pytest.mark.slow
def test_a_sold_out_zone_gives_way_to_the_next(cloud: str, workdir: Workdir, world: World) -> None:
    lay_out(workdir, request(far_from(cloud), ENDS[cloud]))
    values = json.loads((workdir.directory / APPLY_TIME).read_text())
    zones = []

    for attempt in (0, 1):
        values["attempts"] = {ENDS[cloud].region.slug: attempt}
        (workdir.directory / APPLY_TIME).write_text(json.dumps(values))
        zones.append(_planned_zone(workdir, cloud))

    assert zones[0] != zones[1]


def _planned_zone(workdir: Workdir, cloud: str) -> str:
    """Return where a plan puts the instance of *cloud*; AWS says it by the subnet."""
    out = Path("tfplan")
    workdir.run("plan", f"-out={out}")
    shown = json.loads(workdir.run("show", "-json", str(out)).stdout)
    module = f"module.{ENDS[cloud].region.slug}."
    for change in shown["resource_changes"]:
        after = change["change"]["after"]
        if change["address"].startswith(module) and change["mode"] == "managed":
            for name in ("availability_zone", "zone"):
                if isinstance(after.get(name), str):
                    return str(after[name])
    raise AssertionError("nothing is planned in a zone")
