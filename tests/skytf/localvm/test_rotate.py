"""The bootstrap host key serves one session; then the VM has one that it made itself."""

from __future__ import annotations

from collections.abc import Callable

import paramiko
import pytest

from tests.skytf.localvm.vm import Vm, run


def test_a_rotated_key_is_in_use_when_the_command_returns(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    with vm.connect() as first:
        new = run(first, "skytf-rotate-host-key").out.strip()

        with vm.connect(new) as second:
            assert run(second, "echo new").out == "new\n"
        assert run(first, "echo old").out == "old\n"
    with pytest.raises(paramiko.BadHostKeyException), vm.connect():
        pass


def test_a_rotated_key_is_a_secret_of_the_vm(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    said = vm.run("skytf-rotate-host-key; stat -c %a ../etc/ssh_host_ed25519_key; ls ../etc")

    key, mode, *files = said.out.splitlines()
    assert key.startswith("ssh-ed25519 ")
    assert mode == "600"
    assert files == ["authorized_keys", "ssh_host_ed25519_key", "ssh_host_ed25519_key.lock"]
    assert vm.host.private not in vm.machine.host_key.read_text()


def test_rotating_twice_at_once_gives_two_answers(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    keys = vm.run("skytf-rotate-host-key >a & skytf-rotate-host-key >b; wait; cat a b").out.splitlines()

    assert len(set(keys)) == 2
    working = []
    for key in keys:
        try:
            with vm.connect(key):
                working.append(key)
        except paramiko.BadHostKeyException:
            continue
    assert len(working) == 1


def test_a_vm_without_a_server_says_so(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    said = vm.run(f"kill -9 {vm.server.pid}")
    command = vm._command("rotate-host-key", str(vm.machine.root), vm.machine.vm_id, env={})

    assert said.code == -1
    assert command.returncode == 5
    assert "local VM t1/gw-0 has no server" in command.stderr
