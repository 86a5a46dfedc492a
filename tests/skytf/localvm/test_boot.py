"""Booting: a VM that listens, or an error that says why and nothing left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from skytf.errors import InputError
from skytf.localvm.boot import Order
from skytf.localvm.machine import Record
from tests.skytf.localvm.vm import TIMEOUT_S, KeyPair, Vm, run, ssh


def test_a_booted_vm_listens_on_the_port_it_wrote(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    booted = vm.boot()

    assert booted.returncode == 0
    assert vm.run("echo hello").out == "hello\n"


def test_a_booted_vm_is_tagged(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    record = Record.read(vm.machine)

    assert record is not None
    assert (record.tags.owner, record.tags.expires_s) == ("tester", 2208988800.0)
    assert record.tags.others == {"purpose": "test"}
    assert record.port == vm.port


def test_booting_again_leaves_a_running_vm_alone(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    server = vm.server
    vm.port_file.unlink()

    again = vm.boot()

    assert again.returncode == 0
    assert vm.server == server
    assert vm.run("echo hello").out == "hello\n"


def test_booting_again_replaces_a_vm_that_died(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    vm.run("touch leftover")
    vm.server.kill()

    again = vm.boot()

    assert again.returncode == 0
    assert vm.run("ls").out == ""


def test_a_taken_port_is_named_and_nothing_is_left(prepare: Callable[..., Vm]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        vm = prepare(ssh_port=port)

        booted = vm.boot()

    assert booted.returncode == 5
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use" in booted.stderr
    assert vm.leftovers() == []


def test_a_fixed_port_is_the_port(prepare: Callable[..., Vm]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    vm = prepare(ssh_port=port)
    vm.boot()

    assert vm.port == port


def test_vms_at_addresses_of_their_own_share_a_port(prepare: Callable[..., Vm]) -> None:
    first = prepare()
    first.boot()
    second = prepare("t1/gw-1", ssh_port=first.port, listen_address="127.0.9.9")
    booted = second.boot()

    assert booted.returncode == 0, booted.stderr
    with ssh(first.port, second.host.public, second.client.private, host="127.0.9.9") as connection:
        assert run(connection, "echo hello").out == "hello\n"
    assert first.run("echo still here").out == "still here\n"


def test_a_host_key_that_is_none_is_an_error_without_the_key(prepare: Callable[..., Vm]) -> None:
    vm = replace(prepare(), host=KeyPair("not a key", "nor this"))
    booted = vm.boot()

    assert booted.returncode == 5
    assert "t1/gw-0 could not be booted" in booted.stderr
    assert "not a key" not in booted.stderr
    assert vm.leftovers() == []


def test_a_vm_whose_port_cannot_be_told_is_not_kept(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm = replace(vm, port_file=vm.port_file / "missing" / "port")
    booted = vm.boot()

    assert booted.returncode == 5
    assert str(vm.port_file) in booted.stderr
    assert vm.leftovers() == []


def test_secrets_are_in_no_argument(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()

    assert "PRIVATE" not in " ".join(vm.server.cmdline())
    assert vm.machine.host_key.stat().st_mode & 0o777 == 0o600
    assert vm.machine.directory.stat().st_mode & 0o777 == 0o700


def test_a_vm_survives_what_booted_it(prepare: Callable[..., Vm]) -> None:
    """Ctrl-C in the terminal goes to the process group of terraform, not to the VM's."""
    vm = prepare()
    command = [sys.executable, "-P", "-m", "skytf.localvm", "boot"]
    with subprocess.Popen(
        ["sh", "-c", '"$@"; kill -INT 0', "sh", *command], env=vm.environment, start_new_session=True
    ) as shell:
        shell.wait(TIMEOUT_S)

    assert shell.returncode == -signal.SIGINT
    assert os.getsid(vm.server.pid) == vm.server.pid
    assert vm.run("echo alive").out == "alive\n"


@pytest.mark.parametrize("name", ["SKYTF_VM_ID", "SKYTF_VM_HOST_KEY", "SKYTF_LOCAL_ROOT"])
def test_a_missing_variable_is_named(prepare: Callable[..., Vm], name: str) -> None:
    environment = prepare().environment
    del environment[name]

    with pytest.raises(InputError, match=name):
        Order.from_environment(environment, now_s=0.0)


def test_an_expiry_that_is_not_given_follows_from_the_time_to_live(prepare: Callable[..., Vm]) -> None:
    environment = {**prepare().environment, "SKYTF_VM_EXPIRES_AT": ""}

    assert Order.from_environment(environment, now_s=1000.0).tags.expires_s == 1000.0 + 3600


def test_an_order_does_not_show_its_key(prepare: Callable[..., Vm]) -> None:
    order = Order.from_environment(prepare().environment, now_s=0.0)

    assert "PRIVATE" not in repr(order)
