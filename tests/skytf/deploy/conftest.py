"""Real local VMs, booted as Terraform's provisioner boots them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from skytf.deploy.connect import Host, connect
from skytf.deploy.keys import SshKey, make_ssh_key, write_private_key
from skytf.deploy.session import Session
from skytf.localvm.halt import halt
from skytf.localvm.machine import SSH_USER, Machine


@dataclass(frozen=True)
class Vm:
    """A local VM that runs, and what its owner knows."""

    machine: Machine
    host: Host
    key_file: Path
    host_key: SshKey


BootVm = Callable[..., Vm]


@pytest.fixture(scope="module")
def module_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="module")
def key_file(module_path: Path) -> Path:
    """Our private key; the public half lies beside it."""
    key = make_ssh_key()
    write_private_key(module_path / "id", key)
    (module_path / "id.pub").write_text(key.public)
    return module_path / "id"


@pytest.fixture(scope="module")
def boot_vm(module_path: Path, key_file: Path) -> Iterator[BootVm]:
    """
    Boot a VM by name, on any port unless one is given; halted at the end.

    Those VMs share their trees that are not given a disk of their own.
    """
    machines = []

    def boot_one(name: str, ssh_port: int = 0, *, own_disk: bool = False) -> Vm:
        host_key = make_ssh_key()
        machine = Machine(module_path / (f"disk-{name}" if own_disk else "local"), "t1", name)
        port_file = module_path / f"{name}.port"
        machines.append(machine)
        order = {
            "SKYTF_LOCAL_ROOT": str(machine.root),
            "SKYTF_VM_ID": machine.vm_id,
            "SKYTF_VM_OWNER": "tests",
            "SKYTF_VM_TAGS": "{}",
            "SKYTF_VM_TTL_MINUTES": "10",
            "SKYTF_VM_EXPIRES_AT": "",
            "SKYTF_VM_AUTHORIZED_KEY": key_file.with_suffix(".pub").read_text(),
            "SKYTF_VM_HOST_KEY": host_key.private,
            "SKYTF_VM_PORT_FILE": str(port_file),
            "SKYTF_VM_SSH_PORT": str(ssh_port),
        }
        subprocess.run([sys.executable, "-m", "skytf.localvm", "boot"], env={**os.environ, **order}, check=True)
        return Vm(machine, Host(name, "127.0.0.1", int(port_file.read_text()), SSH_USER), key_file, host_key)

    yield boot_one
    for machine in machines:
        halt(machine)


@pytest.fixture(scope="module")
def vm(boot_vm: BootVm) -> Vm:
    return boot_vm("local-a-1")


@pytest.fixture
def session(vm: Vm) -> Iterator[Session]:
    session = connect(vm.host, vm.key_file, vm.host_key.public)
    yield session
    session.close()
