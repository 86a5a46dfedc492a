"""Fixtures for whoever runs Terraform against the stand-ins: a mirror, and an account that is empty at first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.localvm import halt
from skytf.localvm.machine import recorded
from tests.provider.mirror import mirror
from tests.provider.workdir import Workdir
from tests.provider.world import World


@pytest.fixture(scope="session")
def provider_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLI configuration (TF_CLI_CONFIG_FILE) by which Terraform installs all four stand-ins."""
    return mirror(tmp_path_factory.mktemp("providers"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty account; machines that a test leaves running are ended."""
    world = World(tmp_path / "world")
    world.directory.mkdir(mode=0o700)
    yield world
    for machine in recorded(world.machines):
        halt.halt(machine)


@pytest.fixture
def workdir(tmp_path: Path, world: World, provider_config: Path) -> Workdir:
    """A directory for a root module, whose providers work on `world`."""
    directory = tmp_path / "infra"
    directory.mkdir()
    return Workdir(directory, world, provider_config)
