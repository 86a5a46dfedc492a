from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.errors import InputError
from skytf.model.copy import Copy, Options, Target
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.topology import Gateway, Link, Topology
from skytf.planner import plan
from skytf.render.root import APPLY_TIME, PLACEHOLDERS, REVIEWED, apply_values, root_module
from skytf.resolve import resolve as resolve_request
from skytf.runner.engine import SHIM, resolve
from skytf.runner.reviewed import actions, normalise_plan
from skytf.runner.terraform import Terraform
from tests.skytf.requests import A, B, C, R, bucket, job, path, request

REQUEST = request(
    job(0), job(1, source=path("in", A), destinations=(path("out", B), bucket("b", "p/", C))), instances=2, via=R
)

BETWEEN_CLOUDS = resolve_request(
    [
        Copy(Target("s3://a/é"), (Target("gs://b"), Target("azure://acc/c"), Target("cos://d"), Target("İ")), True),
        Copy(Target("r2://acc/e"), (Target("s3://f", region="aws:eu-west-1"),), True),
    ],
    Options(
        offline=True,
        instances=2,
        tags=(("b", "2"), ("a", "1")),
        sites=(SiteOption("gcp", "image", ("image-1",)), SiteOption("aws", "instance_types", ("m5.8xlarge",))),
    ),
    cwd=Path("/home/somebody"),
    locate=lambda end: {
        "aws": Region("aws", "us-east-1"),
        "azure": Region("azure", "westeurope"),
        "gcp": Region("gcp", "us-central1"),
        "ibm": Region("ibm", "eu-de"),
    }[str(end.cloud)],
)


def lay_out(directory: Path) -> Terraform:
    for name, content in root_module(plan(REQUEST), REQUEST).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    engine = resolve(SHIM, os.environ, launcher_dir=directory)
    return Terraform(engine=engine, workdir=directory, log_dir=directory, env=os.environ)


def test_terraform_formats_validates_and_plans_it(tmp_path: Path) -> None:
    terraform = lay_out(tmp_path)

    ugly = terraform.fmt_check(tmp_path)
    terraform.init()
    terraform.validate()
    changes = terraform.plan(out=tmp_path / "tfplan", var_files=[tmp_path / PLACEHOLDERS])

    assert ugly == ()
    assert changes
    planned = terraform.show_json(tmp_path / "tfplan")
    gateways = {gateway.gateway_id for gateway in plan(REQUEST).gateways}
    assert {address.split('"')[1] for address in actions(planned)} == gateways
    assert str(tmp_path) not in normalise_plan(planned).decode()


def test_every_value_travels_in_a_tfvars_file() -> None:
    tagged = replace(REQUEST, tags=(("team", '"${file("/etc/passwd")}'),))

    files = root_module(plan(tagged), tagged)

    reviewed = json.loads(files[REVIEWED])
    assert reviewed["ttl_minutes"] == REQUEST.ttl_minutes
    assert reviewed["tags"] == {"team": '"${file("/etc/passwd")}'}
    assert reviewed["sites"]["local-b"]["gateways"] == {"local-b-0": {"index": 2}, "local-b-1": {"index": 3}}
    assert not any(b"passwd" in content for name, content in files.items() if name != REVIEWED)


def test_placeholders_stand_for_exactly_what_is_made_at_apply() -> None:
    files = root_module(plan(REQUEST), REQUEST)
    made = apply_values(
        transfer_id="t", owner="o", expires_at="", ssh_public_key="", host_keys={"g": "k"}, operator_cidr=""
    )

    assert json.loads(files[PLACEHOLDERS]).keys() == json.loads(made).keys()
    assert json.loads(files[PLACEHOLDERS]).keys().isdisjoint(json.loads(files[REVIEWED]))
    assert APPLY_TIME not in files


HERE, EAST, WEST = Region("local", "a"), Region("toy", "east"), Region("toy", "west")
IN_CLOUD = Topology(
    "direct",
    (Gateway("local-a-0", HERE), Gateway("local-a-1", HERE), Gateway("toy-east-0", EAST), Gateway("toy-west-10", WEST)),
    (
        Link("toy-east-0", "toy-west-10", 1),
        Link("toy-west-10", "local-a-0", 1, dialled_by_source=False),
        Link("toy-west-10", "local-a-1", 1, dialled_by_source=False),
    ),
    (),
)


@pytest.mark.usefixtures("toy_cloud")
def test_who_dials_may_come_in() -> None:
    main = root_module(IN_CLOUD, request())["main.tf"].decode()

    site_local, site_east, site_west = main.split("\nmodule ")
    assert "ingress = {}" in site_east
    assert '    "toy-east-0" = "${module.toy-east.gateways["toy-east-0"].public_ip}/32"\n' in site_west
    assert site_west.count("var.operator_cidr\n") == 2, "SSH, and one rule for all gateways on the operator's machine"
    assert '    "operator"   = var.operator_cidr\n' in site_west
    assert "ingress = {}" in site_local


@pytest.mark.usefixtures("toy_cloud")
def test_gateways_without_public_addresses_come_in_by_their_private_ones() -> None:
    network = SiteOption("toy", "existing_network", ("subnet-1",))
    asked = replace(request(), private_addresses=True, site_options=(network,))

    main = root_module(IN_CLOUD, asked)["main.tf"].decode()

    assert 'gateways["toy-east-0"].private_ip}/32' in main
    assert "public_ip" not in main


@pytest.mark.usefixtures("toy_cloud")
def test_every_region_of_a_cloud_has_a_provider_of_its_own(tmp_path: Path) -> None:
    files = root_module(IN_CLOUD, request())

    main = files["main.tf"].decode()
    for region in ("east", "west"):
        assert f'  alias   = "toy-{region}"\n  project = var.sites["toy-{region}"].facts["project"]\n' in main
        assert f"  providers = {{\n    toy = toy.toy-{region}\n  }}\n" in main
    assert main.count("providers = {") == 2
    assert files["versions.tf"].count(b'source  = "example.org/tests/toy"') == 1
    assert files["modules/shared/toy.yaml.tftpl"] == b"#cloud-config\n"
    for name, content in files.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    engine = resolve(SHIM, os.environ, launcher_dir=tmp_path)
    terraform = Terraform(engine=engine, workdir=tmp_path / "out", log_dir=tmp_path, env=os.environ)
    assert terraform.fmt_check(tmp_path / "out") == ()


@pytest.mark.usefixtures("toy_cloud")
def test_what_was_chosen_for_a_site_is_reviewed() -> None:
    chosen = SiteOption("toy:east", "instance_types", ("big",))

    files = root_module(IN_CLOUD, replace(request(), site_options=(chosen,), spot=True, ssh_port=2222))

    sites = json.loads(files[REVIEWED])["sites"]
    assert sites["toy-east"]["instance_types"] == ["big"]
    assert sites["toy-west"]["instance_types"] == ["small", "big"]
    assert sites["toy-west"]["spot"]
    assert sites["toy-west"]["facts"] == {"project": "placeholder"}
    assert [sites[name]["ssh_port"] for name in ("local-a", "toy-east", "toy-west")] == [0, 2222, 2222]
    assert [sites[name]["gateways"] for name in ("toy-east", "toy-west")] == [
        {"toy-east-0": {"index": 0}},
        {"toy-west-10": {"index": 1}},
    ]


@pytest.mark.parametrize("name", ['x" }', "${x}", "../x", "x\ny", ""])
def test_a_name_that_could_be_more_than_a_name_is_refused(name: str) -> None:
    topology = Topology("direct", (Gateway("local-a-0", Region("local", name)),), (), ())

    with pytest.raises(InputError, match="cannot name a site"):
        root_module(topology, request())


SCRIPT = """
import sys
from skytf.planner import plan
from skytf.model.survey import JobSurvey
from skytf.render.plan_md import plan_md
from skytf.render.root import root_module
from tests.skytf.render.test_root import BETWEEN_CLOUDS, REQUEST
from tests.skytf.requests import page
for asked in (REQUEST, BETWEEN_CLOUDS):
    topology = plan(asked)
    files = root_module(topology, asked)
    files["PLAN.md"] = plan_md(page(asked, [JobSurvey("job-0", 1, 2, 2, {"symlink": 1, "special": 2})]))
    for name, content in files.items():
        sys.stdout.buffer.write(name.encode() + b"\\n" + content)
"""


def test_time_zone_locale_and_directory_change_no_byte(tmp_path: Path) -> None:
    checkout = Path(__file__).parents[3]
    surroundings = [
        ({"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, tmp_path),
        ({"TZ": "America/Lima", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"}, checkout),
    ]

    first, second = (
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **env},
            cwd=cwd,
            capture_output=True,
            check=True,
        ).stdout
        for env, cwd in surroundings
    )

    assert first == second
    assert str(checkout).encode() not in first
