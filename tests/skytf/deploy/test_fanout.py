"""Each way a tree comes onto hosts that share no disk: real VMs, a real tree, the bytes that went over SSH."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.deploy import fleet, shipping
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.fleet import Deployed, Target, deploy_fleet
from skytf.deploy.prepare import prepare_host
from skytf.deploy.shipping import TreeSource
from skytf.deploy.tree import Tree
from skytf.errors import HostError
from skytf.localvm import processes
from skytf.localvm.machine import Record
from tests.skytf.deploy import forwarder
from tests.skytf.deploy.conftest import BootVm, Vm
from tests.skytf.deploy.test_fleet import READY, target

SIZE_BYTES = 3_000_000
SITE = "local:a"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of what is shipped: a gateway that is always ready, and *SIZE_BYTES* that no packer makes smaller."""
    noise = os.urandom(SIZE_BYTES)
    name = f"code-{tmp_path.name.replace('_', '-')}"

    def fill(directory: Path, _cancel: Cancel) -> None:
        (directory / "gateway").mkdir()
        (directory / "gateway" / "__init__.py").touch()
        (directory / "gateway" / "__main__.py").write_text(READY)
        (directory / "gateway" / "noise").write_bytes(noise)

    monkeypatch.setattr(fleet, "trees_for", lambda schemes, platform: (Tree(name, fill),))
    return name


@pytest.fixture(scope="module")
def vms(boot_vm: BootVm) -> list[Vm]:
    """Three hosts, each with a disk of its own."""
    return [boot_vm(f"fan-a-{number}", own_disk=True) for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def host_keys(vms: list[Vm]) -> list[str]:
    """The keys that the hosts made."""
    made = []
    for vm in vms:
        session, host_key = prepare_host(vm.host, vm.key_file, vm.host_key.public)
        session.close()
        made.append(host_key)
    return made


@pytest.fixture
def targets(vms: list[Vm], host_keys: list[str]) -> list[Target]:
    """The hosts in one site."""
    return [
        replace(target(vm), host_key_public=host_key, rotated=True, site=SITE)
        for vm, host_key in zip(vms, host_keys, strict=True)
    ]


class Deployment:
    """A deployment, what was heard of it, and how many bytes went to each host over SSH."""

    def __init__(self, targets: list[Target], tree_source: TreeSource, directory: Path) -> None:
        self.heard: list[tuple[str, str]] = []
        counting = [sys.executable, "-S", str(forwarder.__file__), "%h", "%p", str(directory / "%i-%p.count")]
        self.deployed = deploy_fleet(
            targets,
            tree_source=tree_source,
            data_ports=free_ports(),
            proxy=shlex.join(counting),
            on_step=lambda *what: self.heard.append(what),
        )
        for one in self.deployed:
            one.session.close()
        self.sent = sorted(int(path.read_text()) for path in directory.glob("*.count"))

    def steps(self, word: str) -> int:
        """How often a host heard of a step that begins with *word*."""
        return sum(step.startswith(word) for _, step in self.heard)


def free_ports() -> tuple[int, int]:
    """A range of which most ports are free; the server takes what is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return (port - 7, port) if port > 60_000 else (port, port + 7)


def trees_of(deployed: Deployed) -> Path:
    """The directory of trees on the disk of a local VM."""
    home = Path(deployed.installed.directory).parent.parent
    return next(parent for parent in home.parents if parent.name.startswith("disk-")) / "image" / "trees"


def altered(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[str], str]) -> None:
    """Let the script *name* be another one on hosts."""
    real = shipping.script_text

    def text(asked: str) -> str:
        return change(real(asked)) if asked == name else real(asked)

    monkeypatch.setattr(shipping, "script_text", text)


def test_a_tree_is_pushed_to_each_host(targets: list[Target], tree: str, tmp_path: Path) -> None:
    done = Deployment(targets, "push", tmp_path)

    assert all(sent > SIZE_BYTES for sent in done.sent)
    assert done.steps("sending") == len(targets)


@pytest.mark.parametrize("tree_source", ["fan-out", "auto"])
def test_a_tree_is_sent_to_a_site_once(
    targets: list[Target], tree: str, tmp_path: Path, tree_source: TreeSource
) -> None:
    done = Deployment(targets, tree_source, tmp_path)

    assert sum(done.sent) < 2 * SIZE_BYTES
    assert [done.steps("sending"), done.steps("fetching")] == [1, 2]
    noises = {(trees_of(one) / tree / "gateway" / "noise").read_bytes() for one in done.deployed}
    assert len(noises) == 1


@pytest.mark.slow
def test_a_site_of_sixteen_costs_the_laptop_one_upload(boot_vm: BootVm, tree: str, tmp_path: Path) -> None:
    sixteen = [boot_vm(f"fan-b-{number}", own_disk=True) for number in range(16)]
    targets = [replace(target(vm), site=SITE) for vm in sixteen]

    done = Deployment(targets, "auto", tmp_path)

    assert sum(done.sent) < 2 * SIZE_BYTES
    assert [done.steps("sending"), done.steps("fetching")] == [1, 15]


def test_nothing_runs_or_lies_on_the_hosts_afterwards(
    vms: list[Vm], targets: list[Target], tree: str, tmp_path: Path
) -> None:
    done = Deployment(targets, "fan-out", tmp_path)

    for vm, deployed in zip(vms, done.deployed, strict=True):
        record = Record.read(vm.machine)
        assert record is not None
        assert processes.members(vm.machine).keys() == {record.pid}
        assert (trees_of(deployed) / tree).is_dir()
        assert not list(trees_of(deployed).glob(".*"))


def test_what_was_kept_in_vain_is_removed(targets: list[Target], tree: str, tmp_path: Path) -> None:
    """The neighbour has the tree already, so nobody asks."""
    Deployment(targets[:1], "push", tmp_path)

    done = Deployment(targets[:2], "fan-out", tmp_path)

    assert [done.steps("sending"), done.steps("fetching")] == [1, 0]
    assert not list(trees_of(done.deployed[1]).glob(".*"))


def test_hosts_of_different_sites_fetch_nothing_from_each_other(
    targets: list[Target], tree: str, tmp_path: Path
) -> None:
    apart = [replace(one, site=f"local:{number}") for number, one in enumerate(targets)]

    done = Deployment(apart, "fan-out", tmp_path)

    assert done.steps("sending") == len(targets)


def test_a_small_tree_is_sent_to_all(
    targets: list[Target], tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "WORTH_FETCHING_BYTES", 2 * SIZE_BYTES)

    done = Deployment(targets, "auto", tmp_path)

    assert done.steps("sending") == len(targets)


@pytest.mark.parametrize(
    ("script", "change", "why"),
    [
        pytest.param(
            "serve_archive.py",
            lambda text: text.replace("connection.sendall(block)", "connection.sendall(block[:9]); os._exit(1)"),
            "damaged or not whole",
            id="the server dies in the middle",
        ),
        pytest.param(
            "serve_archive.py",
            lambda text: text.replace("sendall(block)", "sendall(bytes(len(block)))"),
            "damaged or not whole",
            id="another file is served",
        ),
        pytest.param(
            "fetch_archive.py",
            lambda text: text.replace("{token}", "guess"),
            "damaged or not whole",
            id="the token is wrong",
        ),
        pytest.param(
            "serve_archive.py",
            lambda text: text.replace("def main(", "def main(*_): sys.exit('no port is free')\ndef _main("),
            "does not serve it",
            id="the server cannot start",
        ),
        pytest.param(
            "fetch_archive.py",
            lambda text: text.replace("(address, port)", "('127.0.0.1', 1)"),
            "refused",
            id="the firewall does not let it through",
        ),
    ],
)
def test_who_cannot_fetch_is_sent_the_tree(  # noqa: PLR0917 - a row of the table, and what it is played with
    targets: list[Target],
    tree: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    change: Callable[[str], str],
    why: str,
) -> None:
    altered(monkeypatch, script, change)

    done = Deployment(targets[:2], "fan-out", tmp_path)

    assert done.steps("sending") == 2
    [reason] = [step for _, step in done.heard if step.startswith(f"{tree} could not be fetched")]
    assert why in reason
    assert all((trees_of(one) / tree / "gateway" / "noise").stat().st_size == SIZE_BYTES for one in done.deployed)


def test_waiting_for_the_first_host_ends_when_somebody_cancels(targets: list[Target], tree: str) -> None:
    threads = threading.active_count()
    cancel, waiting = Cancel(), threading.Event()

    def cancel_meanwhile(_gateway_id: str, step: str) -> None:
        if step == f"waiting for {tree}":
            waiting.set()
        elif step == f"sending {tree}":
            assert waiting.wait(20)
            cancel.set()

    with pytest.raises(Cancelled):
        deploy_fleet(targets[:2], tree_source="fan-out", cancel=cancel, on_step=cancel_meanwhile)

    assert threading.active_count() == threads


def test_a_first_host_that_fails_keeps_nobody_waiting(targets: list[Target], tree: str) -> None:
    waiting, failed = threading.Event(), threading.Event()

    def fail_meanwhile(_gateway_id: str, step: str) -> None:
        if step == f"waiting for {tree}":
            waiting.set()
        elif step == f"sending {tree}" and not failed.is_set():
            failed.set()
            assert waiting.wait(20)
            raise HostError("the disk is full")

    with pytest.raises(HostError, match="the disk is full"):
        deploy_fleet(targets[:2], tree_source="fan-out", on_step=fail_meanwhile)
