"""terraform/local under a real Terraform: VMs come up, can be used, and are gone after destroy, whatever happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest

from skytf.localvm import processes
from skytf.localvm.machine import Machine
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.skytf.localvm.vm import KeyPair, Vm, run, ssh

pytestmark = pytest.mark.skipif(
    library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"
)

_TIMEOUT_S = 60
_DAEMON = "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"
_ROOT = """
variable "host_keys" {
  type      = map(string)
  sensitive = true
}
variable "ingress" {
  type    = map(string)
  default = {}
}
variable "ssh_port" { type = number }
variable "ssh_public_key" { type = string }
module "local_a" {
  source         = "./modules/local"
  data_ports     = { from = 1024, to = 65535 }
  expires_at     = "2040-01-01T00:00:00Z"
  gateways       = { "local-a-0" = { index = 0 }, "local-a-1" = { index = 1 } }
  host_keys      = var.host_keys
  ingress        = var.ingress
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "a"
  ssh_port       = var.ssh_port
  ssh_public_key = var.ssh_public_key
  tags           = {}
  transfer_id    = "t1"
  ttl_minutes    = 30
}
output "gateways" { value = module.local_a.gateways }
"""


@dataclass
class Fleet:
    """A root module that calls terraform/local for two gateways."""

    directory: Path
    client: KeyPair = field(default_factory=KeyPair.generate)
    hosts: dict[str, KeyPair] = field(
        default_factory=lambda: {name: KeyPair.generate() for name in ("local-a-0", "local-a-1")}
    )
    variables: dict[str, Any] = field(default_factory=dict)
    python: str = sys.executable

    @property
    def infra(self) -> Path:
        return self.directory / "infra"

    @property
    def local(self) -> Path:
        return self.directory / "local"

    def machine(self, name: str) -> Machine:
        return Machine.parse(self.local, f"t1/{name}")

    def lay_out(self) -> None:
        shutil.copytree(terraform_dir() / "local", self.infra / "modules" / "local")
        (self.infra / "main.tf").write_text(_ROOT)
        self.terraform("init")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        values = {"host_keys": {name: key.private for name, key in self.hosts.items()}, "ssh_port": 0}
        values |= {"ssh_public_key": self.client.public, **self.variables}
        (self.infra / "terraform.tfvars.json").write_text(json.dumps(values))
        (self.directory / "terraformrc").touch()
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "skytf.runner.shim", *arguments, "-no-color", "-input=false"],
            cwd=self.infra,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "CHECKPOINT_DISABLE": "1",
                "SKYTF_LOCAL_ROOT": str(self.local),
                "SKYTF_PYTHON": self.python,
                "TF_CLI_CONFIG_FILE": str(self.directory / "terraformrc"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def terraform(self, *arguments: str, code: int = 0) -> str:
        with self.start(*arguments) as process:
            said, _ = process.communicate(timeout=_TIMEOUT_S)
        assert process.returncode == code, said
        return said

    def apply(self, code: int = 0) -> str:
        return self.terraform("apply", "-auto-approve", code=code)

    def destroy(self) -> None:
        self.terraform("destroy", "-auto-approve")

    def gateways(self) -> dict[str, dict[str, Any]]:
        state = json.loads((self.infra / "terraform.tfstate").read_text())
        gateways: dict[str, dict[str, Any]] = state["outputs"]["gateways"]["value"]
        return gateways

    def vm(self, name: str) -> Vm:
        """Return a gateway as what the tests of a single VM know."""
        port_file = self.directory / f"{name}.port"
        port_file.write_text(str(self.gateways()[name]["ssh_port"]))
        return Vm(self.machine(name), self.hosts[name], self.client, port_file)

    def leftovers(self) -> list[str]:
        """Return what is left of the fleet: processes, directories of VMs, port files."""
        found = [
            f"{name}: {process}" for name in self.hosts for process in processes.members(self.machine(name)).values()
        ]
        return found + [str(path) for path in (*self.infra.glob("*.port"), *self.local.glob("vms"))]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    fleet.lay_out()
    yield fleet
    fleet.python = sys.executable
    fleet.destroy()
    assert fleet.leftovers() == []


def test_a_fleet_comes_up_is_used_and_leaves_nothing(fleet: Fleet) -> None:
    fleet.apply()
    gateways = fleet.gateways()

    for name, gateway in gateways.items():
        with ssh(
            gateway["ssh_port"], fleet.hosts[name].public, fleet.client.private, user=gateway["ssh_user"]
        ) as client:
            assert run(client, "echo $SKYTF_VM_ID").out == f"t1/{name}\n"
    assert {(one["public_ip"], one["private_ip"], one["region"]) for one in gateways.values()} == {
        ("127.0.0.1", "127.0.0.1", "a")
    }
    fleet.vm("local-a-0").run(_DAEMON)
    fleet.destroy()
    assert fleet.leftovers() == []


def test_what_is_applied_is_what_was_planned(fleet: Fleet) -> None:
    fleet.apply()

    assert "No changes" in fleet.terraform("plan", "-detailed-exitcode")
    fleet.variables = {"ingress": {"aws-us-east-1-0": "198.51.100.7/32"}}
    assert "No changes" in fleet.terraform("plan", "-detailed-exitcode")


def test_neither_plan_nor_state_holds_a_secret_or_a_path(fleet: Fleet) -> None:
    fleet.apply()

    state = (fleet.infra / "terraform.tfstate").read_text()
    assert "PRIVATE KEY" not in state
    assert str(fleet.directory) not in state
    assert sys.executable not in state


def test_a_bootstrap_key_that_was_rotated_is_refused(fleet: Fleet) -> None:
    fleet.apply()
    vm = fleet.vm("local-a-0")
    new = vm.run("skytf-rotate-host-key").out.strip()

    with vm.connect(new) as client:
        assert run(client, "echo hello").out == "hello\n"
    with pytest.raises(paramiko.BadHostKeyException), vm.connect():
        pass


def test_a_vm_that_was_killed_can_be_planned_and_destroyed(fleet: Fleet) -> None:
    fleet.apply()
    vm = fleet.vm("local-a-0")
    daemon = int(vm.run(_DAEMON).out)
    vm.server.kill()
    shutil.rmtree(vm.machine.directory)
    assert daemon in processes.members(vm.machine)

    fleet.terraform("plan")
    fleet.destroy()

    assert fleet.leftovers() == []


def test_port_files_that_are_gone_do_not_hinder(fleet: Fleet) -> None:
    fleet.apply()
    for path in fleet.infra.glob("*.port"):
        path.unlink()

    fleet.terraform("plan")
    fleet.destroy()

    assert fleet.leftovers() == []


def test_a_port_that_is_taken_is_named(fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        fleet.variables = {"ssh_port": port}

        said = fleet.apply(code=1)

    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use" in " ".join(said.split())
    fleet.destroy()
    assert fleet.leftovers() == []


def test_a_missing_host_key_is_an_error_of_the_plan(fleet: Fleet) -> None:
    del fleet.hosts["local-a-1"]

    said = fleet.terraform("plan", code=1)

    assert "There is no bootstrap host key for gateway local-a-1." in said


def test_an_interrupted_boot_leaves_nothing_after_destroy(fleet: Fleet) -> None:
    """Terraform taints the resource that it interrupted, and runs no destroy provisioner of a tainted one."""
    booted = fleet.directory / "booted"
    os.mkfifo(booted)
    wrapper = fleet.directory / "python"
    wrapper.write_text(f'#!/bin/sh\n"{sys.executable}" "$@" && echo >"{booted}" && exec sleep 1000\n')
    wrapper.chmod(0o700)
    fleet.python = str(wrapper)

    with fleet.start("apply", "-auto-approve") as terraform:
        booted.read_text()
        terraform.send_signal(signal.SIGINT)
        terraform.communicate(timeout=_TIMEOUT_S)
    assert terraform.returncode == 1
    assert fleet.leftovers() != []
    fleet.python = sys.executable
    fleet.destroy()

    assert fleet.leftovers() == []
