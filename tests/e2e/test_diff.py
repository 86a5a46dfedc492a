"""Two bundles side by side: what a reviewer is told, and how little of what he reads is another."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import Client, Copy, Target
from tests.e2e.clouds import SSH_PORT, accounts, facts
from tests.e2e.commands import assert_plain, skytf
from tests.e2e.trees import SMALL, contents
from tests.provider.world import World
from tests.servers import S3Server

# What two gateways made four may change of the files that a person reads, in lines that are gone plus lines that are
# new: measured 2026-11-22, and a fifth more.
MOST = {"infra": 20, "transfer.json": 6, "PLAN.md": 60}
MOST_TOLD = 12

OFFLINE = ("--offline", "--src-region", "aws:us-east-1", "--dst-region", "gcp:us-central1", "--assume-bytes", "200TB")
IN_CLOUDS = ("plan", "-r", "s3://from", "gs://to", *OFFLINE, "--assume-objects", "1000000")
HERE = ("plan", "-r", "in", "out")


@pytest.fixture(scope="module")
def planned(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a source, ``in``, and the bundles ``here-1``, ``here-2``, ``clouds-1`` and ``clouds-2``."""
    root = tmp_path_factory.mktemp("planned")
    (root / "in").mkdir()
    for name in "abcdef":
        (root / "in" / name).write_text(name * 1_000)
    for command, name in ((HERE, "here"), (IN_CLOUDS, "clouds")):
        for instances in ("1", "2"):
            out = f"{name}-{instances}"
            said = skytf(shared_home, *command, "--instances", instances, "--out", out, cwd=root)
            assert said.returncode == 0, said.stderr
    return root


@pytest.fixture
def root(planned: Path, tmp_path: Path) -> Path:
    """A copy of `planned`, to be changed; the source stands where it was."""
    shutil.copytree(planned, tmp_path / "root")
    return tmp_path / "root"


def changed_lines(old: Path, new: Path) -> dict[str, int]:
    """Return first part of the path → lines that are gone plus lines that are new in the files below it."""
    before, after = contents(old), contents(new)
    counts: dict[str, int] = {}
    for name in sorted(before.keys() | after.keys()):
        texts = [one.get(name, b"").decode().splitlines() for one in (before, after)]
        found = [line for line in difflib.unified_diff(*texts, n=0, lineterm="") if line[:2] not in ("--", "++", "@@")]
        top = name.partition("/")[0]
        counts[top] = counts.get(top, 0) + len(found)
    return counts


@pytest.mark.parametrize("name", ["here", "clouds"])
def test_two_gateways_made_four_are_a_few_lines_of_what_a_person_reads(planned: Path, name: str) -> None:
    counts = changed_lines(planned / f"{name}-1", planned / f"{name}-2")

    assert {part: counts[part] for part in MOST if counts[part] > MOST[part]} == {}, counts
    assert all(counts[part] for part in MOST), "four gateways are not told from two"


@pytest.mark.parametrize("name", ["here", "clouds"])
def test_and_are_told_in_a_dozen_lines(home: Path, planned: Path, name: str) -> None:
    said = skytf(home, "diff", f"{name}-1", f"{name}-2", cwd=planned)

    lines = said.stdout.splitlines()
    assert (said.returncode, said.stderr) == (2, "")
    assert len(lines) <= MOST_TOLD, said.stdout
    assert [line for line in lines if " gateways in " in line and line.endswith(": 1 → 2")] == lines[:2]


def test_a_bundle_is_the_same_as_itself(home: Path, planned: Path) -> None:
    said = skytf(home, "diff", "here-1", "here-1", cwd=planned)

    assert (said.returncode, said.stdout, said.stderr) == (0, "Nothing is different.\n", "")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_what_follows_from_the_rest_is_folded_on_github(root: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    names = ["plan.json", "plan.html", "topology.json", "programs/local-a-0.json"]
    read = ["transfer.json", "PLAN.md", "infra/main.tf", "infra/terraform.tfvars.json"]

    said = subprocess.run(
        ["git", "check-attr", "linguist-generated", "--", *(f"here-1/{name}" for name in (*names, *read))],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip

    told = dict(line.split(": linguist-generated: ") for line in said.stdout.splitlines())
    assert told == {f"here-1/{name}": "set" for name in names} | {f"here-1/{name}": "unspecified" for name in read}


def test_a_plan_says_what_it_changes_and_is_applied_as_it_was_reviewed(home: Path, planned: Path, root: Path) -> None:
    wanted = ("plan", "-r", planned / "in", root / "out", "--instances", "2", "--against", "here-1", "--out", "here-1")

    first = skytf(home, *wanted, "--detailed-exitcode", cwd=root)
    second = skytf(home, *wanted, "--detailed-exitcode", cwd=root)
    settled = contents(root / "here-1")
    third = skytf(home, *wanted, cwd=root)
    applied = skytf(home, "apply-transfer", "here-1", cwd=root)

    assert [one.returncode for one in (first, second, third)] == [2, 0, 0], first.stderr + second.stderr
    assert "gateways in local:a" in first.stdout
    assert json.loads(settled["transfer.json"])["against"]["changes"] == []
    assert contents(root / "here-1") == settled, "planning the same again changes nothing"
    assert applied.returncode == 0, applied.stderr
    assert contents(root / "out") == contents(planned / "in")


def test_an_edited_comparison_is_refused(home: Path, root: Path) -> None:
    said = skytf(home, *IN_CLOUDS, "--instances", "2", "--against", "clouds-1", "--out", "new", cwd=root)
    found = skytf(home, "diff", "clouds-2", "new", cwd=root)
    path = root / "new/.gitattributes"
    path.write_text("infra/** linguist-generated\n")
    edited = skytf(home, "diff", "clouds-2", "new", cwd=root)

    assert said.returncode == 0, said.stderr
    assert found.stdout.splitlines()[0] == "Nothing is different.", "what it was compared with makes no difference"
    assert found.returncode == 0
    assert ".gitattributes" in edited.stdout
    assert edited.returncode == 2


@pytest.mark.parametrize("command", [("diff",), ("plan", "-r", "in", "out", "--detailed-exitcode", "--against")])
def test_an_old_bundle_that_cannot_be_compared_is_one_clear_error(
    home: Path, root: Path, command: tuple[str, ...]
) -> None:
    new = ("here-2",) if command == ("diff",) else ()
    (root / "empty").mkdir()
    other, broken = (shutil.copytree(root / "here-1", root / name) for name in ("other", "broken"))
    raw = json.loads((other / "transfer.json").read_text())
    (other / "transfer.json").write_text(json.dumps({**raw, "bundle_version": 1, "request": {"old": "shape"}}))
    (broken / "topology.json").write_text("{")

    said = {name: skytf(home, *command, name, *new, cwd=root) for name in ("gone", "empty", "other", "broken")}

    assert_plain(said["gone"], 1, "gone does not exist", "--out DIR writes a bundle")
    assert_plain(said["empty"], 1, "empty is no bundle: it has no transfer.json")
    assert_plain(said["other"], 1, "other has format 1, this skytf reads", "plan again with this skytf")
    assert_plain(said["broken"], 1, "broken/topology.json is broken")


def test_a_bundle_of_another_tool_is_compared_with_a_note(home: Path, root: Path) -> None:
    path = root / "here-1/transfer.json"
    path.write_text(path.read_text().replace('"tool_version": "', '"tool_version": "0.0.'))

    said = skytf(home, "diff", "here-1", "here-2", cwd=root)

    assert said.returncode == 2, said.stderr
    assert "! planned with skytf 0.0." in said.stdout
    assert "gateways in local:a: 1 → 2" in said.stdout


@pytest.fixture
def world(
    tmp_path: Path, provider_config: Path, s3_server: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Accounts in all clouds, and keys for the stores of `s3_server`."""
    with accounts(tmp_path / "world", provider_config, s3_server, home, monkeypatch) as world:
        yield world


def test_what_terraform_would_make_in_clouds_is_compared_too(
    world: World, client: Client, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="data/a", Body=b"a" * 1_000)
    source, target = (
        Target(f"s3://{bucket}/{name}", s3_server.endpoint_url, region=region)
        for name, region in (("data", "aws:us-east-1"), ("copy", "gcp:us-central1"))
    )
    options = replace(SMALL, ssh_port=SSH_PORT, facts=facts("gcp"))
    for instances in (1, 2):
        client.plan(
            [Copy(source, (target,), recursive=True)], replace(options, instances=instances),
            out=tmp_path / str(instances),
        )  # fmt: skip

    found = client.diff(tmp_path / "1", tmp_path / "2")
    counts = changed_lines(tmp_path / "1", tmp_path / "2")

    told = {one.what: (one.before, one.after) for one in found.changes}
    assert "1 aws_instance" in told["resources of aws-us-east-1"][0]
    assert "2 aws_instance" in told["resources of aws-us-east-1"][1]
    assert len(found.changes) <= MOST_TOLD, told
    assert {part: counts[part] for part in MOST if counts[part] > MOST[part]} == {}, counts
