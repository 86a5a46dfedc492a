from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.bundle import LOCK_FILE, Bundle
from skytf.clouds import CLOUDS
from skytf.deploy.cancel import Cancel
from skytf.errors import EngineMissing, InputError, TerraformError
from skytf.exactly import verify
from skytf.hooks import Hooks
from skytf.model.copy import Copy, Options, Target
from skytf.model.region import Region
from skytf.planning import Place, planned, with_facts
from skytf.prepare import derive
from skytf.resources import module_files
from skytf.runner.engine import SHIM, Engine, resolve
from tests.provider.mirror import mirror
from tests.provider.world import World
from tests.skytf.catalog.tables import table
from tests.skytf.requests import job, path, request

OFFLINE = Options(offline=True, assume_bytes=2 * 10**14, assume_objects=10**6)
STORES = {"aws:us-east-1": "s3://a/in", "azure:westeurope": "azure://acc/box/in", "gcp:us-central1": "gs://b/in"}
STORES["ibm:eu-de"] = "cos://c/in"


class Warnings(Hooks):
    """Keeps what a user is warned of."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_warning(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A machine that has the stand-ins of all providers, and reaches no registry."""
    world = World(tmp_path / "world")
    world.directory.mkdir()
    env = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("TF_", "SKYTF_"))},
        **world.environment(),
        "TF_CLI_CONFIG_FILE": str(mirror(tmp_path / "providers")),
    }
    return Place(
        home=tmp_path / "home",
        engine=lambda: resolve(SHIM, env, launcher_dir=tmp_path),
        env=env,
        hooks=Warnings(),
        cancel=Cancel(),
        check=lambda: None,
    )


def copy(source: str, *destinations: str) -> Copy:
    """Return a copy between the stores of these regions."""
    targets = [Target(STORES[one], region=one) for one in (source, *destinations)]
    return Copy(targets[0], tuple(targets[1:]), recursive=True)


def offline(place: Place, *copies: Copy, options: Options = OFFLINE, lock: bool = False) -> Bundle:
    return planned(copies, options, Path("/"), place, lock=lock)


def no_engine() -> Engine:
    raise EngineMissing("no terraform found")


def warnings(place: Place) -> Sequence[str]:
    assert isinstance(place.hooks, Warnings)
    return place.hooks.texts


def test_every_pair_of_clouds_is_planned_offline_and_validated_by_the_providers_schemas(place: Place) -> None:
    """One root module with all four clouds, each a source and a destination of another."""
    regions = sorted(STORES)

    bundle = offline(place, *(copy(one, *(other for other in regions if other != one)) for one in regions))

    assert warnings(place) == []
    assert bundle.plan_json is None
    assert [str(region) for region in bundle.topology.regions()] == regions
    assert all(survey.assumed for survey in bundle.manifest.survey)
    verify(bundle, derive(bundle.manifest).files)


def test_a_root_module_that_the_schemas_refuse_is_an_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"wrong.tf": b'resource "aws_vpc" "x" {\n  cidr = "10.0.0.0/16"\n}\n'}
    monkeypatch.setattr("skytf.render.root.module_files", lambda cloud: {**module_files(cloud), **wrong})

    with pytest.raises(TerraformError, match="validate failed"):
        offline(place, Copy(Target(STORES["aws:us-east-1"], region="aws:us-east-1"), (Target("r2://acc/b"),), True))


def test_without_a_provider_the_plan_is_made_and_said_to_be_unchecked(place: Place, tmp_path: Path) -> None:
    config = mirror(tmp_path / "others", "ibm")
    poorer = replace(place, env={**place.env, "TF_CLI_CONFIG_FILE": str(config)})

    bundle = offline(poorer, copy("aws:us-east-1", "gcp:us-central1"), lock=True)

    (warning,) = warnings(poorer)
    assert "was not validated, and the bundle has no .terraform.lock.hcl" in warning
    assert "hashicorp/" in warning
    assert LOCK_FILE not in bundle.files


def test_without_terraform_the_plan_is_made_and_said_to_be_unchecked(place: Place) -> None:
    bundle = offline(replace(place, engine=no_engine), copy("aws:us-east-1", "gcp:us-central1"))

    assert warnings(place) == ["the root module was not validated: no terraform found"]
    assert "infra/main.tf" in bundle.files


def test_a_registry_that_cannot_be_reached_is_said_where_a_lock_file_is_wanted(place: Place) -> None:
    bundle = offline(place, copy("ibm:eu-de", "gcp:us-central1"), lock=True)

    (warning,) = warnings(place)
    assert "no .terraform.lock.hcl" in warning
    assert LOCK_FILE not in bundle.files


FAKE = """#!/bin/sh
case "$1 $2" in
  "providers lock") shift 2; echo "$@" > .terraform.lock.hcl ;;
  validate*) echo '{"valid": true, "diagnostics": []}' ;;
esac
"""


def test_providers_are_locked_for_linux_and_macos(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_text(FAKE)
    program.chmod(0o755)
    reached = replace(place, engine=lambda: Engine(program, "terraform", "1.6.0", ""))

    bundle = offline(reached, copy("ibm:eu-de", "gcp:us-central1"), lock=True)

    platforms = [word for word in bundle.files[LOCK_FILE].decode().split() if word.startswith("-platform=")]
    assert platforms == [f"-platform={one}" for one in ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")]
    assert warnings(place) == []
    verify(bundle, derive(bundle.manifest).files)


def test_online_a_plan_through_a_cloud_is_the_same_every_time(place: Place, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "object").write_bytes(b"x")
    through = Options(via="gcp:us-central1", facts=(("gcp", "project", "my-project"),))
    copies = [Copy(Target("in"), (Target("out"),), recursive=True)]

    first, second = (planned(copies, through, tmp_path, place) for _ in range(2))

    assert first.files == second.files
    assert first.plan_json is not None
    assert b"google_compute_instance" in first.plan_json
    assert b"module.gcp-us-central1" in first.plan_json


def test_two_machines_plan_the_same_bundle(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has Terraform, the other none; that is said on the screen, and stands in no file."""
    first = offline(replace(place, engine=no_engine), copy("azure:westeurope", "ibm:eu-de"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    poorer = replace(place, env={**place.env, "TF_CLI_CONFIG_FILE": str(mirror(tmp_path / "others", "aws"))})

    second = offline(poorer, copy("azure:westeurope", "ibm:eu-de"))

    assert first.files == second.files
    assert first.digest == second.digest
    assert str(tmp_path).encode() not in b"".join(second.files.values())


def test_what_stands_for_a_fact_is_named_with_the_command_that_prints_it(place: Place) -> None:
    known = replace(OFFLINE, facts=(("gcp", "project", "my-project"),))

    bundle = offline(replace(place, engine=no_engine), copy("azure:westeurope", "gcp:us-central1"), options=known)

    text = bundle.files["PLAN.md"].decode()
    assert "`azure.storage_account/acc` is a placeholder; `az storage account show" in text
    assert "gcp.project" not in text
    assert "`project` is `my-project`" in text


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (Options(offline=True), "nothing says how much", "--assume-bytes"),
        (Options(offline=True, assume_bytes=1), "nothing says how much", "--assume-objects"),
        (replace(OFFLINE, assume_objects=0), "nothing to copy is assumed", "1 or more"),
        (Options(assume_bytes=1), "online the source is listed", "--offline"),
    ],
)
def test_an_assumption_belongs_to_a_plan_without_a_survey(
    place: Place, options: Options, message: str, hint: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        offline(place, copy("aws:us-east-1", "gcp:us-central1"), options=options)

    assert hint in caught.value.hint


def test_many_objects_are_not_assumed_of_one(place: Place) -> None:
    single = Copy(Target("s3://a/b", region="aws:us-east-1"), (Target("gs://c/d", region="gcp:us-central1"),))

    with pytest.raises(InputError, match="one object is copied, not several"):
        offline(place, single)


def test_offline_a_bucket_needs_its_region(place: Place) -> None:
    with pytest.raises(InputError, match="offline nothing says where s3://a is") as caught:
        offline(place, Copy(Target("s3://a"), (Target("gs://b", region="gcp:us-central1"),), recursive=True))

    assert caught.value.hint == "name its region: --src-region aws:REGION"


class Account:
    """What the toy cloud's adapter would know."""

    def __init__(self, home: Path) -> None: ...

    def facts(self, names: Sequence[str]) -> dict[str, str]:
        return {name: f"{name}-of-account" for name in names}


IN_TOY = request(job(source=path("in", Region("toy", "east"))))


@pytest.mark.usefixtures("toy_cloud")
def test_a_fact_that_nobody_can_look_up_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Toy Cloud: project is not known") as caught:
        with_facts(IN_TOY, tmp_path)

    assert caught.value.hint == "this prints it: toy project show; name it with --fact toy.project=VALUE"


@pytest.mark.usefixtures("toy_cloud")
def test_facts_are_asked_of_the_cloud_unless_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLOUDS, "toy", f"{__name__}:Account")
    named = replace(IN_TOY, facts=(("toy", "project", "mine"),))

    assert with_facts(IN_TOY, tmp_path).facts == (("toy", "project", "project-of-account"),)
    assert with_facts(named, tmp_path) == named


def test_a_catalog_of_the_users_is_relative_to_where_they_stand_and_its_prices_are_taken(
    place: Place, tmp_path: Path
) -> None:
    table(tmp_path / "ours", "instance_prices", "aws,us-east-1,m5.8xlarge,0.5,,2026-10-01,our contract")
    options = replace(OFFLINE, catalogs=("ours",))

    bundle = planned([copy("aws:us-east-1", "gcp:us-central1")], options, tmp_path, replace(place, engine=no_engine))

    price = bundle.manifest.figures.site(Region("aws", "us-east-1")).usd_per_hour
    assert (price.value.likely, price.source) == (0.5, "our contract")


def test_a_wrong_row_of_the_users_is_told_before_a_source_is_listed(place: Place, tmp_path: Path) -> None:
    table(tmp_path / "ours", "addresses", "aws,any,-1,2026-10-01,x")
    nowhere = Copy(Target(str(tmp_path / "nowhere")), (Target(str(tmp_path / "out")),))

    with pytest.raises(InputError, match=r"addresses\.csv, line 2, column usd_per_hour: -1 is negative"):
        planned([nowhere], Options(catalogs=("ours",)), tmp_path, place)
