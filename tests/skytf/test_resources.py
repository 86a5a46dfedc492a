from __future__ import annotations

from pathlib import Path

import pytest

from skytf import resources
from skytf.errors import InputError
from skytf.resources import has_provider, module_files, templates_dir, terraform_dir


def test_a_checkout_has_modules_and_templates() -> None:
    assert (terraform_dir() / "local" / "variables.tf").is_file()
    assert (templates_dir() / "root" / "main.tf.j2").is_file()


def test_a_wheel_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skytf" / "_data" / "terraform").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "skytf")

    assert terraform_dir() == tmp_path / "skytf" / "_data" / "terraform"


def test_a_module_is_its_terraform_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = tmp_path / "terraform" / "cloud"
    (cloud / "boot").mkdir(parents=True)
    for name in ("main.tf", "provider.tf.j2", "README.md", "cloud.toml", "boot/cloud-init.yaml.tftpl"):
        (cloud / name).write_text(name)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "skytf")

    assert module_files("cloud") == {
        "boot/cloud-init.yaml.tftpl": b"boot/cloud-init.yaml.tftpl",
        "main.tf": b"main.tf",
    }
    assert has_provider("cloud")


def test_an_unknown_cloud_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'nimbus'") as caught:
        module_files("nimbus")

    assert "local" in caught.value.hint
    assert not has_provider("local")
