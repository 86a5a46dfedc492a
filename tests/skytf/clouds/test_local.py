"""The local cloud's adapter: fleets are found and removed by tag, without state and without files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skytf.clouds import open_cloud
from skytf.clouds.base import Cloud, FleetTag
from skytf.localvm.machine import Machine
from tests.skytf.clouds.conformance import CloudConformance
from tests.skytf.localvm.vm import TIMEOUT_S, Vm

EXPIRES_S = 2208988800.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def cloud(home: Path) -> Cloud:
    cloud = open_cloud("local", home)
    assert cloud is not None
    return cloud


class LocalWorld:
    """A home on this machine, filled by booting VMs; what nobody calls of a `World` is left out."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._booted: list[Vm] = []

    def plant(self, fleet: FleetTag) -> None:
        for gateway in fleet.gateways:
            self._boot(self._home, f"{fleet.transfer_id}/{gateway}", fleet.owner)

    def plant_stranger(self) -> None:
        self._boot(self._home / "other", "t9/gw-0", "tester")

    def names(self) -> frozenset[str]:
        return frozenset(path for vm in self._booted for path in vm.leftovers() if not path.endswith(".port"))

    def halt_all(self) -> None:
        for vm in self._booted:
            vm.halt()

    def _boot(self, home: Path, name: str, owner: str) -> None:
        vm = Vm.prepare(home, name)
        command = [sys.executable, "-P", "-m", "skytf.localvm", "boot"]
        subprocess.run(command, env={**vm.environment, "SKYTF_VM_OWNER": owner}, check=True, timeout=TIMEOUT_S)
        self._booted.append(vm)


@pytest.mark.slow
class TestLocal(CloudConformance):
    """What every cloud must do; below is what is particular here."""

    @pytest.fixture
    def world(self, home: Path) -> Iterator[LocalWorld]:
        world = LocalWorld(home)
        yield world
        world.halt_all()


@pytest.fixture
def boot(home: Path) -> Iterator[Callable[[str], Vm]]:
    """Boot VMs under *home* that are halted at the end."""
    booted: list[Vm] = []

    def start(name: str) -> Vm:
        booted.append(Vm.prepare(home, name))
        assert booted[-1].boot().returncode == 0
        return booted[-1]

    yield start
    for one in booted:
        one.halt()


def test_terraform_is_told_where_vms_live_and_what_they_run_on(cloud: Cloud, home: Path) -> None:
    environment = cloud.environment()

    assert environment["SKYTF_LOCAL_ROOT"] == str(home / "local")
    assert Path(environment["SKYTF_PYTHON"]).is_file()


def test_fleets_are_found_by_their_files(cloud: Cloud, boot: Callable[[str], Vm]) -> None:
    for name in ("t2/gw-0", "t1/gw-1", "t1/gw-0"):
        boot(name)

    assert cloud.find() == (
        FleetTag("t1", "tester", EXPIRES_S, ("gw-0", "gw-1"), {"purpose": "test"}),
        FleetTag("t2", "tester", EXPIRES_S, ("gw-0",), {"purpose": "test"}),
    )


def test_a_fleet_whose_server_and_files_are_gone_is_found_and_removed(cloud: Cloud, boot: Callable[[str], Vm]) -> None:
    vm = boot("t1/gw-0")
    vm.run("setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
    vm.server.kill()
    shutil.rmtree(vm.machine.directory)
    vm.port_file.unlink()

    found = cloud.find()
    removed = cloud.delete("t1")

    assert found == (FleetTag("t1", "tester", EXPIRES_S, ("gw-0",), {"purpose": "test"}),)
    assert removed == ("local VM t1/gw-0",)
    assert vm.leftovers() == []
    assert cloud.find() == ()


def test_a_fleet_is_removed_however_its_home_is_spelled(home: Path, boot: Callable[[str], Vm]) -> None:
    vm = boot("t1/gw-0")
    (home / "alias").symlink_to(home)
    other = open_cloud("local", home / "alias")
    assert other is not None

    other.delete("t1")

    assert vm.leftovers() == [str(vm.port_file)]


def test_a_directory_without_a_process_is_found_and_removed(cloud: Cloud, home: Path) -> None:
    machine = Machine.parse(home / "local", "t1/gw-0")
    machine.directory.mkdir(parents=True)

    assert cloud.find() == (FleetTag("t1", "", 0.0, ("gw-0",)),)
    assert cloud.delete("t1") == ("local VM t1/gw-0",)
    assert not machine.directory.exists()


def test_removing_one_transfer_leaves_the_others(cloud: Cloud, boot: Callable[[str], Vm]) -> None:
    boot("t1/gw-0")
    other = boot("t2/gw-0")

    cloud.delete("t1")

    assert [fleet.transfer_id for fleet in cloud.find()] == ["t2"]
    assert other.run("echo alive").out == "alive\n"


def test_somebody_elses_fleet_is_left_alone_when_an_owner_is_named(cloud: Cloud, boot: Callable[[str], Vm]) -> None:
    boot("t1/gw-0")

    assert cloud.find(owner="somebody") == ()
    assert cloud.delete("t1", owner="somebody") == ()
    assert len(cloud.find(owner="tester")) == 1


def test_a_fleet_of_another_home_is_not_this_clouds(boot: Callable[[str], Vm], home: Path) -> None:
    boot("t1/gw-0")
    other = open_cloud("local", home / "other")
    assert other is not None

    assert other.find() == ()
    assert other.delete("t1") == ()


def test_removing_what_is_gone_removes_nothing(cloud: Cloud) -> None:
    assert cloud.delete("t1") == ()


def test_this_machine_passes_its_checks(cloud: Cloud) -> None:
    assert [check for check in cloud.check() if not check.ok] == []
