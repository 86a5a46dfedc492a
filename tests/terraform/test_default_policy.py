"""What Terraform plans of our own modules passes the policy of examples/, and what is asked for is seen in it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from skytf.bundle import PLAN_JSON, TOPOLOGY, Bundle
from skytf.model import codec
from skytf.model.region import Region
from skytf.policy import load
from skytf.policy.checks import check
from skytf.policy.facts import facts_of
from skytf.policy.rules import Policy
from skytf.render.root import PLACEHOLDERS, root_module
from skytf.runner.engine import resolve
from skytf.runner.reviewed import normalise_plan
from skytf.runner.terraform import Terraform
from tests.e2e.clouds import FACTS
from tests.policy import rego
from tests.policy.bundles import bundle, costs, end
from tests.provider.world import World
from tests.terraform.pairs import clouds

EXAMPLE = Path(__file__).parents[2] / "examples" / "policy.yaml"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, provider_config: Path) -> Bundle:
    """From a bucket in AWS to one of each other cloud, with the plan that Terraform makes of it."""
    directory = tmp_path_factory.mktemp("planned")
    world = World(directory / "world")
    world.directory.mkdir(mode=0o700)
    asked = bundle(
        source=end("s3://from/a/", Region.parse("aws:us-east-1")),
        destinations=tuple(
            end(url, Region.parse(region))
            for url, region in (
                ("azure://account/box/", "azure:westeurope"),
                ("gs://to/b/", "gcp:us-central1"),
                ("cos://to/b/", "ibm:us-south"),
            )
        ),
        facts=FACTS,
        cost=costs(150.0, 200.0),
    )
    environment = {**os.environ, **world.environment(), "TF_CLI_CONFIG_FILE": str(provider_config)}
    workdir = directory / "work"
    plan = _plan(asked, workdir, environment)
    return replace(asked, files={**asked.files, PLAN_JSON: plan, TOPOLOGY: codec.encode(asked.topology)})


def _plan(asked: Bundle, workdir: Path, environment: dict[str, str]) -> bytes:
    for name, content in root_module(asked.topology, asked.manifest.request).items():
        (workdir / name).parent.mkdir(parents=True, exist_ok=True)
        (workdir / name).write_bytes(content)
    terraform = Terraform(
        engine=resolve(None, environment), workdir=workdir, log_dir=workdir.parent, env=environment, clouds=clouds()
    )
    terraform.init()
    terraform.plan(out=workdir / "x.tfplan", var_files=[workdir / PLACEHOLDERS])
    return normalise_plan(terraform.show_json(workdir / "x.tfplan"), workdir=workdir)


def test_what_our_modules_make_passes_the_example(planned: Bundle) -> None:
    assert check(load(EXAMPLE), facts_of(planned)) == ()
    assert rego.broken(planned, yaml.safe_load(EXAMPLE.read_text())["skytf_policy"]) == set()


def test_every_cloud_says_in_its_plan_what_policies_ask_for(planned: Bundle) -> None:
    rules = {
        "public_addresses": "forbidden",
        "encryption": {"disks": "required", "own_disk_key": "required"},
        "allowed_instance_types": {cloud: ["none"] for cloud in clouds()},
    }

    found = {(one.rule, one.where) for one in check(Policy.model_validate(rules), facts_of(planned))}

    for rule in ("public_addresses", "encryption.own_disk_key", "allowed_instance_types"):
        assert {cloud for cloud in clouds() if any(_planned(rule, cloud, one) for one in found)} == set(clouds()), rule
    assert not any(rule == "encryption.disks" for rule, _ in found)
    assert rego.broken(planned, rules) == {(rule, where.replace('"', "'")) for rule, where in found}


def _planned(rule: str, cloud: str, found: tuple[str, str]) -> bool:
    return found[0] == rule and found[1].startswith(f"module.{cloud}-")


def test_every_cloud_says_in_its_plan_who_may_come_in(planned: Bundle) -> None:
    """Each has a rule with the operator's address; were it everybody's, the policy would say so."""
    plan = json.loads(planned.files[PLAN_JSON])
    text = json.dumps(plan["resource_changes"]).replace("192.0.2.1/32", "0.0.0.0/0")
    plan["resource_changes"] = json.loads(text)
    opened = replace(planned, files={**planned.files, PLAN_JSON: json.dumps(plan).encode()})

    found = check(Policy(open_to_internet="forbidden"), facts_of(opened))

    assert {cloud for cloud in clouds() if any(f"module.{cloud}-" in one.where for one in found)} == set(clouds())
