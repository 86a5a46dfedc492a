"""Our own tables: that they fit what else the project says, and are shipped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from skytf.catalog.changes import text_of
from skytf.catalog.reading import DATA, built_in, checked
from skytf.catalog.schema import STORES_ONLY, TABLES
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import sheet

ROOT = Path(__file__).parents[3]
IN_CLOUDS = [cloud for cloud in CLOUDS if sheet(cloud).provider is not None]


def cells(table: str, *names: str, **wanted: str) -> set[tuple[str, ...]]:
    return {row.values(names) for row in built_in(TABLES[table], wanted)}


@pytest.mark.parametrize("cloud", IN_CLOUDS)
def test_instances_and_regions_are_those_that_a_user_may_name(cloud: str) -> None:
    known = {(one.name, one.arch, str(one.vcpus)) for one in sheet(cloud).instances.values()}

    assert cells("instances", "instance_type", "arch", "vcpus", cloud=cloud) == known
    assert cells("regions", "region", cloud=cloud) == {(name,) for name in sheet(cloud).regions}


@pytest.mark.parametrize("cloud", IN_CLOUDS)
def test_the_default_instance_type_has_a_disk_type(cloud: str) -> None:
    disks = {disk for (disk,) in cells("disks", "disk_type", cloud=cloud)}

    assert {sheet(cloud).disk_type(name) for name in sheet(cloud).default_instances} <= disks


def test_the_disk_types_of_gcp_are_those_of_its_module() -> None:
    module = (ROOT / "terraform" / "gcp" / "main.tf").read_text()
    listed = {pattern.removesuffix("-*") for pattern, disk in sheet("gcp").disks if disk == "hyperdisk-balanced"}

    assert f'"^({"|".join(sorted(listed))})-"' in module


def test_the_least_disk_of_ibm_is_that_of_its_module() -> None:
    module = (ROOT / "terraform" / "ibm" / "main.tf").read_text()

    assert f"max({sheet('ibm').least_disk_gib}, var.disk_gib)" in module


def test_every_scheme_that_a_cloud_owns_has_a_store_of_that_cloud() -> None:
    owned = {(scheme, cloud) for cloud in IN_CLOUDS for scheme in sheet(cloud).stores}

    assert owned <= cells("stores", "scheme", "cloud")
    assert {cloud for _, cloud in cells("stores", "scheme", "cloud")} == {*IN_CLOUDS, *STORES_ONLY}


def test_every_source_is_listed_on_the_page() -> None:
    page = (ROOT / "docs" / "catalog.md").read_text()
    keys = {
        part.split(" ")[0].split(":")[0]
        for table in TABLES
        for (source,) in cells(table, "source")
        for part in source.split(";")
        if part[:9] not in {"point of ", "none foun"}
    }

    assert [key for key in sorted(keys) if f"`{key}" not in page] == []


def test_every_table_and_column_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "catalog.md").read_text()

    for table in TABLES.values():
        assert f"| `{table.name}` |" in page
        assert [one.name for one in table.columns if f"`{one.name}`" not in page] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_as_an_import_would_write_it(name: str) -> None:
    """So that a refreshed row is one line of a diff."""
    path = DATA / f"{name}.csv"

    assert text_of(TABLES[name], checked(path)) == path.read_text(encoding="utf-8")


def test_the_tables_are_small_and_inside_the_package_that_the_wheel_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3_000_000
    assert {path.stem for path in DATA.iterdir()} == set(TABLES)
    assert "skytf" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert DATA == ROOT / "skytf" / "catalog" / "data"
