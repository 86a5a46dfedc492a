"""The table of clouds."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.clouds import CLOUDS, open_cloud
from skytf.errors import InputError
from skytf.resources import terraform_dir


def test_every_cloud_of_the_table_has_a_module_and_every_module_is_in_the_table() -> None:
    modules = {path.parent.name for path in terraform_dir().glob("*/main.tf")}

    assert set(CLOUDS) == modules


@pytest.mark.parametrize("name", sorted(CLOUDS))
def test_every_adapter_can_be_made(name: str, tmp_path: Path) -> None:
    cloud = open_cloud(name, tmp_path)

    assert (cloud is None) is (CLOUDS[name] == "")


def test_an_unknown_cloud_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'nimbus'") as raised:
        open_cloud("nimbus", tmp_path)

    assert "local" in raised.value.hint
