"""The real thing by each way: what a gateway needs, onto two hosts without a common disk, until daemons answer."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gateway
from gateway.program import Group, Program, Step
from skytf.deploy import fleet
from skytf.deploy.cancel import Cancel
from skytf.deploy.fleet import Target, deploy_fleet
from skytf.deploy.install import probe
from skytf.deploy.keys import Secrets, make_link_key, make_payload_key, make_token
from skytf.deploy.packages import Packages, Platform
from skytf.deploy.prepare import prepare_host
from skytf.deploy.shipping import TreeSource
from skytf.deploy.timing import STEPS, slowest_hosts
from skytf.deploy.tree import Tree, code_tree, deps_tree
from skytf.monitor.client import GatewayClient
from tests.skytf.deploy.conftest import BootVm, Vm
from tests.skytf.deploy.index_server import Index, make_wheels

TOKEN = make_token()
# What a host hears of its packages by each way; the first host of a site has nobody to fetch them from.
FETCHED: dict[TreeSource, int] = {"push": 0, "fan-out": 1, "index": 2}


@pytest.fixture(scope="module")
def vms(boot_vm: BootVm) -> list[Vm]:
    return [boot_vm(f"way-a-{number}", own_disk=True) for number in (1, 2)]


@pytest.fixture(scope="module")
def targets(vms: list[Vm]) -> list[Target]:
    """Two hosts of one site, which rotated their keys already."""
    made = []
    for vm in vms:
        session, host_key = prepare_host(vm.host, vm.key_file, vm.host_key.public)
        session.close()
        name = vm.host.gateway_id
        program = Program(name, (Group(("job",), Step("receive", children=(Step("discard", {"destination": 0}),))),))
        secrets = Secrets("t1", make_link_key().private, TOKEN, make_payload_key())
        made.append(Target(vm.host, vm.key_file, host_key, program, secrets, "127.0.0.1", rotated=True, site="local:a"))
    return made


@pytest.fixture(scope="module")
def installed(targets: list[Target], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Platform]:
    """The packages that every gateway needs, for the hosts' platform."""
    session, _ = prepare_host(targets[0].host, targets[0].key_file, targets[0].host_key_public, rotated=True)
    platform = probe(session).platform
    session.close()
    directory = tmp_path_factory.mktemp("installed")
    with tarfile.open(deps_tree("core", platform).archive(Cancel())) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 of Debian 12 has none
        packed.extractall(directory)
    return directory, platform


@pytest.fixture
def index(
    installed: tuple[Path, Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Index, Path]]:
    """An index on loopback that has them as wheels, and the lock that pins those."""
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (tmp_path / "core.lock").write_text(make_wheels(installed[0], tmp_path / "wheels"))
    with Index(tmp_path / "wheels") as served:
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        yield served, tmp_path / "core.lock"


def files_of(tree: Path) -> set[str]:
    """The files of a tree, but the bytecode that a host makes."""
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize("way", list(FETCHED))
def test_daemons_answer_whichever_way_their_packages_came(  # noqa: PLR0917 - fixtures
    way: TreeSource,
    vms: list[Vm],
    targets: list[Target],
    installed: tuple[Path, Platform],
    index: tuple[Index, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, platform = installed
    packages = Packages(index[1], platform)

    def fill(new: Path, _cancel: Cancel) -> None:
        shutil.copytree(directory, new, dirs_exist_ok=True)

    tree = Tree(f"deps-{way}", fill, packages)
    monkeypatch.setattr(fleet, "trees_for", lambda schemes, found: (code_tree(), tree))
    transfer = [replace(one, secrets=replace(one.secrets, transfer_id=f"t-{way}")) for one in targets]
    heard: list[str] = []

    deployed = deploy_fleet(transfer, tree_source=way, on_step=lambda _, step: heard.append(step))

    assert not [step for step in heard if "could not be fetched" in step]
    assert sum(step.startswith(f"fetching {tree.name}") for step in heard) == FETCHED[way]
    for vm, one in zip(vms, deployed, strict=True):
        assert files_of(vm.machine.root / "image" / "trees" / tree.name) == files_of(directory)
        client = GatewayClient(one.gateway_id, one.session, one.control_port, TOKEN)
        assert (client.status().gateway, client.status().version) == (one.gateway_id, gateway.__version__)
        client.stop()
        client.close()
        one.session.close()
    summed = slowest_hosts({one.gateway_id: one.steps_s for one in deployed})
    assert [one.step for one in summed] == [step for step in STEPS if step not in ("booting", "rotating")]
