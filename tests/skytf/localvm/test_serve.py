"""Who may connect to a local VM, and where it may be asked to connect to."""

from __future__ import annotations

import socket
from collections.abc import Callable

import paramiko
import pytest

from skytf.localvm import processes
from tests.skytf.localvm.vm import TIMEOUT_S, KeyPair, Vm


def test_a_strange_key_is_refused(vm: Vm) -> None:
    with pytest.raises(paramiko.AuthenticationException), vm.connect(client=KeyPair.generate()):
        pass


def test_a_strange_user_is_refused(vm: Vm) -> None:
    with pytest.raises(paramiko.AuthenticationException), vm.connect(user="root"):
        pass


def test_a_server_with_another_host_key_is_refused(vm: Vm) -> None:
    with pytest.raises(paramiko.BadHostKeyException), vm.connect(KeyPair.generate().public):
        pass


def test_a_port_of_the_vm_is_reached_through_it(vm: Vm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, vm.connect() as connection:
        transport = connection.get_transport()
        assert transport is not None
        channel = transport.open_channel("direct-tcpip", ("127.0.0.1", listener.getsockname()[1]), ("127.0.0.1", 0))
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"hello")

        assert channel.recv(5) == b"hello"
        channel.close()


def test_another_host_is_not_reached_through_it(vm: Vm) -> None:
    with vm.connect() as connection:
        transport = connection.get_transport()
        assert transport is not None

        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("192.0.2.1", 80), ("127.0.0.1", 0))


def test_it_listens_on_loopback_only(vm: Vm) -> None:
    addresses = {connection.laddr.ip for connection in vm.server.net_connections() if connection.status == "LISTEN"}

    assert addresses == {"127.0.0.1"}


def test_it_halts_itself_when_its_time_is_up(prepare: Callable[..., Vm]) -> None:
    vm = prepare(ttl_minutes=1 / 60)
    vm.boot()
    server = vm.server
    daemon = vm.run("setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!").out.strip()

    processes.wait_gone([server], TIMEOUT_S)

    vm.port_file.unlink()  # Terraform's, not the VM's
    assert vm.leftovers() == []
    assert daemon.isdigit()
