"""One home for all transfers of a test session, so that the trees are unpacked once, as on an image that has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf import Client
from tests.e2e.leftovers import left_of
from tests.provider.fixtures import provider_config

__all__ = ["provider_config"]


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home: Path) -> Iterator[Path]:
    """A home in which every test leaves nothing behind."""
    yield shared_home
    if left := left_of(shared_home):
        Client(home=shared_home).reap(force=True)  # else every later test would fail for it
    assert left == []


@pytest.fixture
def client(home: Path) -> Client:
    return Client(home=home)
