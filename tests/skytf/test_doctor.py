from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from skytf.doctor import Check, examine
from skytf.errors import InputError
from skytf.home import Home
from skytf.model.region import Region
from tests.servers import S3Server
from tests.skytf.clouds.aws_world import aws_world

AWS = Region("aws", "us-east-1")


def home_check(root: Path) -> Check:
    return next(check for check in examine(Home(root), engine="/nowhere/terraform", env={}) if check.name == "home")


def test_a_home_that_can_be_written_is_found_well_and_left_empty(tmp_path: Path) -> None:
    found = home_check(tmp_path / "home")

    assert found.state == "ok"
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a directory in which not even root may write")
def test_a_home_that_is_there_and_cannot_be_written_is_a_failure() -> None:
    found = home_check(Path("/proc"))

    assert found.state == "fail"
    assert "SKYTF_HOME" in found.hint


def test_a_terraform_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(Home(tmp_path), engine="/nowhere/terraform", env={})}

    assert checks["terraform"].state == "fail"
    assert "/nowhere/terraform" in checks["terraform"].text


def test_a_cloud_without_credentials_is_a_warning_until_a_region_of_it_is_named(tmp_path: Path) -> None:
    unnamed = {check.name: check for check in examine(Home(tmp_path), engine="/nowhere/terraform", env={})}
    named = {check.name: check for check in examine(Home(tmp_path), [AWS], engine="/nowhere/terraform", env={})}

    assert unnamed["cloud aws: credentials"].state == "warn"
    assert named["cloud aws: credentials"].state == "fail"
    assert "aws configure" in named["cloud aws: credentials"].hint


def test_a_named_region_is_asked_for_its_quota(
    tmp_path: Path, aws_server: S3Server, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws_world(aws_server, closed_port, monkeypatch) as world:
        world.set_quota("L-1216C47A", 64.0)
        checks = {check.name: check for check in examine(Home(tmp_path), [AWS], engine="/nowhere/terraform", env={})}

    assert checks["cloud aws: credentials"].state == "ok"
    assert checks["cloud aws: quota in us-east-1"].text.startswith("2 more of m5.8xlarge: 0 of 64 used")


def test_a_region_that_is_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="aws:us-east-11"):
        next(examine(Home(tmp_path), [Region("aws", "us-east-11")], engine=None, env={}))


@pytest.mark.slow
def test_a_provider_that_cannot_be_had_is_a_warning_with_the_next_step(tmp_path: Path) -> None:
    nowhere = tmp_path / "terraformrc"
    nowhere.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tmp_path}"\n  }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(nowhere)}

    checks = {check.name: check for check in examine(Home(tmp_path / "home"), [AWS], engine=None, env=env)}

    assert checks["cloud aws: provider"].state == "warn"
    assert "hashicorp/aws" in checks["cloud aws: provider"].text
    assert checks["cloud aws: provider"].hint
