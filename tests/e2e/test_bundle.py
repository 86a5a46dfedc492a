"""A bundle is the same wherever it is planned, and is applied as it was reviewed or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.dataset import AWKWARD_NAMES
from skytf.bundle import read, write
from skytf.prepare import derive
from tests.e2e.commands import assert_plain, skytf
from tests.e2e.leftovers import left_of
from tests.e2e.trees import contents


def plant(root: Path) -> None:
    root.mkdir()
    for number, name in enumerate((*AWKWARD_NAMES, *"abcdefgh")):
        (root / name).write_text(f"{number:04d}")


@pytest.fixture(scope="module")
def reviewed(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a source of 20 files, ``in``, and a bundle that copies it to ``out``."""
    root = tmp_path_factory.mktemp("reviewed")
    plant(root / "in")
    said = skytf(shared_home, "plan", "in", "out", "-r", "--out", "bundle", cwd=root)
    assert said.returncode == 0, said.stderr
    return root


@pytest.fixture
def root(reviewed: Path, tmp_path: Path) -> Path:
    """A copy of the reviewed bundle to be spoilt; the source of the original is changed in no test."""
    shutil.copytree(reviewed / "bundle", tmp_path / "bundle")
    return tmp_path


def test_a_bundle_is_the_same_wherever_and_whenever_it_is_planned(reviewed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "an other directory \u2713"
    elsewhere.mkdir()
    strange = {
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PYTHONHASHSEED": "7",
        "TMPDIR": str(elsewhere),
        "TF_VAR_owner": "mallory",
    }
    wanted = ("plan", reviewed / "in", reviewed / "out", "-r", "--out", elsewhere / "again")

    said = skytf(tmp_path / "home", *wanted, cwd=elsewhere, env=strange)

    assert said.returncode == 0, said.stderr
    assert contents(elsewhere / "again") == contents(reviewed / "bundle")
    assert {"plan.json", "PLAN.md", "infra/main.tf"} <= contents(reviewed / "bundle").keys()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("transfer.json", '"objects": 1', '"objects": 2'),
        ("transfer.json", '"connections": 4', '"connections": 5'),
        ("topology.json", '"connections": 4', '"connections": 40'),
        ("programs/local-a-0.json", "{", "{ "),
        ("infra/main.tf", "module", "# module"),
        ("infra/modules/local/main.tf", "exec", "sudo exec"),
        ("infra/terraform.tfvars.json", '"ttl_minutes": 60', '"ttl_minutes": 6000'),
        ("PLAN.md", "2 gateways", "1 gateway"),
    ],
)
def test_an_edited_file_is_refused_and_named(home: Path, root: Path, name: str, old: str, new: str) -> None:
    path = root / "bundle" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    said = skytf(home, "apply-transfer", root / "bundle")

    assert_plain(said, 7, f"{name} was edited", "plan again")


def test_files_that_were_added_or_removed_are_refused_and_named(home: Path, root: Path) -> None:
    (root / "bundle/infra/more.tf").write_text('resource "terraform_data" "mine" {}\n')
    (root / "bundle/programs/local-b-0.json").unlink()
    (root / "bundle/README").write_text("what stands beside a bundle is no part of it")

    said = skytf(home, "apply-transfer", root / "bundle")

    assert_plain(said, 7, "infra/more.tf does not belong there", "programs/local-b-0.json is missing")
    assert "README" not in said.stderr


def test_an_edited_plan_is_refused_before_anything_is_created(home: Path, reviewed: Path, root: Path) -> None:
    given = read(root / "bundle")
    assert given.plan_json is not None
    # Whoever edits it makes the pages anew that have its digest; Terraform still knows better.
    write(root / "bundle", derive(given.manifest, given.plan_json.replace(b'"create"', b'"delete"')).files)
    before = set((home / "transfers").glob("*"))

    said = skytf(home, "apply-transfer", root / "bundle")

    assert_plain(said, 7, 'module.local-a.terraform_data.vm["local-a-0"] (reviewed: delete, now: create)', "plan.json")
    assert not (reviewed / "out").exists()
    assert set((home / "transfers").glob("*")) == before, "what was refused is nothing to resume"


def test_a_bundle_that_was_planned_offline_is_refused(home: Path, tmp_path: Path) -> None:
    assumed = ("--offline", "--assume-bytes", "1GB", "--assume-objects", "9", "--out", "bundle")
    assert skytf(home, "plan", "in", "out", "-r", *assumed, cwd=tmp_path).returncode == 0

    said = skytf(home, "apply-transfer", tmp_path / "bundle")

    assert_plain(said, 7, "planned offline", "plan online")


@pytest.mark.parametrize(("field", "value"), [("bundle_version", 99), ("tool_version", "99.0")])
def test_a_bundle_of_another_version_is_refused(home: Path, root: Path, field: str, value: object) -> None:
    path = root / "bundle/transfer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))

    said = skytf(home, "apply-transfer", root / "bundle")

    assert_plain(said, 7, str(root / "bundle"), str(value), "plan again")


def test_a_directory_that_is_no_bundle_is_wrong_input(home: Path, tmp_path: Path) -> None:
    (tmp_path / "some directory").mkdir()

    assert_plain(skytf(home, "apply-transfer", "some directory", cwd=tmp_path), 2, "some directory is no bundle")
    assert_plain(skytf(home, "apply-transfer", "gone", cwd=tmp_path), 2, "gone is neither a bundle nor")


def test_a_source_may_change_a_little_but_not_much(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in")
    arguments = ("plan", "in", "out", "-r")
    skytf(home, *arguments, "--out", "report", cwd=tmp_path)
    skytf(home, *arguments, "--out", "refuse", "--source-drift", "refuse", cwd=tmp_path)
    (tmp_path / "in/a").write_text("changed")

    refused = skytf(home, "apply-transfer", "refuse", cwd=tmp_path)
    nothing = not (tmp_path / "out").exists()
    applied = skytf(home, "apply-transfer", "report", cwd=tmp_path)
    (tmp_path / "in/b").unlink()
    (tmp_path / "in/new").write_text("new")
    too_much = skytf(home, "apply-transfer", "report", cwd=tmp_path)

    assert_plain(refused, 7, f"{tmp_path}/in/a has changed", "plan again")
    assert nothing
    assert applied.returncode == 0, applied.stderr
    assert f"{tmp_path}/in/a has changed" in applied.stderr
    assert contents(tmp_path / "out").pop("a") == b"changed"
    assert_plain(too_much, 7, f"{tmp_path}/in/b is gone", f"{tmp_path}/in/new to ", "(objects: 1, now 2)", "22% of it")
    assert "new" not in contents(tmp_path / "out")
    assert left_of(home) == []
