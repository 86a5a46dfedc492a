"""``skytf-shape`` in a VM: a relay that outlives the session and ends with the VM."""

from __future__ import annotations

import socket
from collections.abc import Callable

from skytf.localvm import processes
from tests.skytf.localvm.vm import TIMEOUT_S, Vm, gone


def test_a_relay_outlives_the_session_that_started_it(vm: Vm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = vm.run(f"skytf-shape --to 127.0.0.1:{listener.getsockname()[1]} --link-mbps 100 --delay-ms 1")
        word, port = said.out.split()

        with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT_S) as near, listener.accept()[0] as far:
            near.sendall(b"hello")

            assert word == "PORT"
            assert far.recv(5) == b"hello"


def test_a_relay_ends_with_its_vm(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    vm.run("skytf-shape --to 127.0.0.1:9")
    (relay,) = [one for one in processes.members(vm.machine).values() if "relay" in one.cmdline()]

    vm.halt()

    assert gone(relay)


def test_an_address_without_a_port_is_wrong_usage(vm: Vm) -> None:
    said = vm.run("skytf-shape --to 127.0.0.1")

    assert said.code == 2
    assert "'127.0.0.1' is no address" in said.err


def test_a_negative_rate_is_wrong_usage(vm: Vm) -> None:
    assert vm.run("skytf-shape --to 127.0.0.1:9 --link-mbps -1").code == 2
