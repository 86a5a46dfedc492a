from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skytf.doctor import Check, examine
from skytf.home import Home


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
