"""The table of permissions of every module names all that the module makes and reads, and nothing else."""

from __future__ import annotations

import re
import tomllib

import pytest

from skytf.clouds import CLOUDS
from skytf.permissions import needs_of
from skytf.resources import module_files, terraform_dir


@pytest.fixture(params=sorted(CLOUDS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def blocks(cloud: str, kind: str) -> set[str]:
    text = b"\n".join(content for name, content in module_files(cloud).items() if name.endswith(".tf")).decode()
    return set(re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE))


def test_each_type_of_the_module_has_its_permissions(cloud: str) -> None:
    assert set(needs_of(cloud).resources) == blocks(cloud, "resource")


def test_each_data_source_of_the_module_has_its_permissions(cloud: str) -> None:
    assert set(needs_of(cloud).data) == blocks(cloud, "data")


def test_a_table_has_nothing_that_nobody_reads(cloud: str) -> None:
    raw = tomllib.loads((terraform_dir() / cloud / "permissions.toml").read_text())

    assert set(raw) <= {"document", "resources", "data", "options", "stores", "skytf", "scopes"}
    for table in ("resources", "data", "options", "stores", "skytf"):
        for entry in raw.get(table, {}).values():
            assert set(entry) <= {"read", "create", "delete", "keys"}


def test_every_scope_is_for_something(cloud: str) -> None:
    needs = needs_of(cloud)
    actions = needs.everything(("read", "create", "delete", "keys"))

    assert {one.name for one in needs.scopes} <= {one.name for one in needs.statements(actions)}
