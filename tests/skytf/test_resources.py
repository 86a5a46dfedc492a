from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from skytf import resources
from skytf.clouds import CLOUDS
from skytf.errors import InputError
from skytf.resources import module_files, shared_files, templates_dir, terraform_dir


def test_a_checkout_has_modules_and_templates() -> None:
    assert (terraform_dir() / "local" / "variables.tf").is_file()
    assert (templates_dir() / "root" / "main.tf.j2").is_file()


def test_a_wheel_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skytf" / "_data" / "terraform").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "skytf")

    assert terraform_dir() == tmp_path / "skytf" / "_data" / "terraform"


def test_a_wheel_holds_what_links_lead_to(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=terraform_dir().parent,
        check=True,
        capture_output=True,
        timeout=60,
    )

    (wheel,) = tmp_path.glob("*.whl")
    shared = (terraform_dir() / "shared" / "variables.tf").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        for cloud in CLOUDS:
            assert archive.read(f"skytf/_data/terraform/{cloud}/variables.tf") == shared


def test_a_module_is_its_terraform_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = tmp_path / "terraform" / "cloud"
    (cloud / "boot").mkdir(parents=True)
    (cloud / "tests" / "setup").mkdir(parents=True)
    names = ("main.tf", "provider.tf.j2", "README.md", "cloud.toml", "boot/boot.sh.tftpl", "tests/setup/main.tf")
    for name in names:
        (cloud / name).write_text(name)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "skytf")

    assert module_files("cloud") == {"boot/boot.sh.tftpl": b"boot/boot.sh.tftpl", "main.tf": b"main.tf"}


def test_a_link_brings_what_it_leads_to() -> None:
    assert (terraform_dir() / "local" / "variables.tf").is_symlink()

    assert module_files("local")["variables.tf"] == (terraform_dir() / "shared" / "variables.tf").read_bytes()


def test_shared_templates_travel_with_those_who_use_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "terraform" / "shared").mkdir(parents=True)
    for name in ("boot.yaml.tftpl", "other.tftpl", "variables.tf"):
        (tmp_path / "terraform" / "shared" / name).write_text(name)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "skytf")

    used = shared_files({"main.tf": b'templatefile("${path.module}/../shared/boot.yaml.tftpl", {})'})

    assert used == {"boot.yaml.tftpl": b"boot.yaml.tftpl"}


def test_an_unknown_cloud_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'nimbus'") as caught:
        module_files("nimbus")

    assert "local" in caught.value.hint
