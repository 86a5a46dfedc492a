"""A cloud is a folder and a line: with both, and nothing else, a copy of this checkout transfers through it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clouds import SSH_PORT, accounts
from tests.e2e.commands import skytf
from tests.e2e.stores import objects
from tests.e2e.trees import plant
from tests.provider.world import World
from tests.servers import S3Server

CHECKOUT = Path(__file__).parents[2]
FOLDER = Path(__file__).with_name("fifth_cloud")
TABLE = "CLOUDS = {\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout with a fifth cloud in it."""
    root = tmp_path / "checkout"
    for name in ("gateway", "skytf", "templates", "terraform"):
        ignored = shutil.ignore_patterns("__pycache__", ".terraform")
        shutil.copytree(CHECKOUT / name, root / name, symlinks=True, ignore=ignored)
    shutil.copytree(FOLDER, root / "terraform" / "fifth")
    (root / "terraform" / "fifth" / "variables.tf").symlink_to("../shared/variables.tf")
    table = root / "skytf" / "clouds" / "__init__.py"
    text = table.read_text()
    assert text.count(TABLE) == 1
    table.write_text(text.replace(TABLE, TABLE + '    "fifth": "",\n'))
    return root


@pytest.fixture
def world(
    tmp_path: Path, provider_config: Path, s3_server: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with accounts(tmp_path / "world", provider_config, s3_server, home, monkeypatch) as world:
        yield world


def test_a_transfer_through_a_cloud_that_is_a_folder_and_a_line(
    checkout: Path, world: World, s3_server: S3Server, bucket: str, home: Path
) -> None:
    source = checkout.with_name("in")
    files = plant(source, small=20, large=1)
    ends = (source, f"s3://{bucket}/x", "--dst-endpoint-url", s3_server.endpoint_url)
    reach = ("--dst-region", "fifth:north", "--ssh-port", str(SSH_PORT), "--operator-cidr", "127.0.0.1/32")

    said = skytf(
        home, "cp", "-r", "-y", *ends, *reach, cwd=checkout, env=world.environment() | {"PYTHONPATH": str(checkout)}
    )

    assert said.returncode == 0, said.stderr
    assert "Fifth Cloud could not be searched" in said.stderr, "there is no adapter, and that is said"
    assert objects(s3_server, bucket) == {f"x/{name}": content for name, content in files.items()}


def test_without_the_line_there_is_no_such_cloud(home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    said = skytf(home, "cp", "-r", "-y", tmp_path / "in", "s3://bucket/x", "--dst-region", "fifth:north")

    assert said.returncode == 2
    assert "there is no cloud 'fifth'" in said.stderr
