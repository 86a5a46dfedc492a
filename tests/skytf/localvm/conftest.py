"""VMs for these tests: one that a module shares, and fresh ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.skytf.localvm.vm import Vm


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vm]:
    """A running VM that the tests of a module share."""
    shared = Vm.prepare(tmp_path_factory.mktemp("vm"))
    booted = shared.boot()
    assert booted.returncode == 0, booted.stderr
    yield shared
    assert shared.halt().returncode == 0


@pytest.fixture
def prepare(tmp_path: Path) -> Iterator[Callable[..., Vm]]:
    """Prepare VMs that are halted at the end, if the test boots them."""
    prepared: list[Vm] = []

    def make(name: str = "t1/gw-0", **settings: float | int | str) -> Vm:
        prepared.append(Vm.prepare(tmp_path, name, **settings))
        return prepared[-1]

    yield make
    for one in prepared:
        assert one.halt().returncode == 0
