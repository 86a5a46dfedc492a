from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.connect import Host, connect
from skytf.deploy.keys import make_ssh_key, write_private_key
from skytf.errors import HostError
from tests.skytf.deploy.conftest import BootVm, Vm


@pytest.fixture
def silent() -> Iterator[Host]:
    """Something that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Host("local-a-9", "127.0.0.1", server.getsockname()[1], "skytf")


class Tried(Cancel):
    """Tells when `connect` begins to pause."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.paused.set()
        return super().wait(timeout)

    def wait_for(self) -> bool:
        return self.paused.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_host_with_the_known_key_is_connected(vm: Vm) -> None:
    session = connect(vm.host, vm.key_file, vm.host_key.public)

    assert session.alive()
    session.close()
    assert not session.alive()


def test_a_host_with_another_key_is_left_at_once(vm: Vm) -> None:
    begun_s = time.monotonic()

    with pytest.raises(HostError, match="presented another host key") as caught:
        connect(vm.host, vm.key_file, make_ssh_key().public, deadline_s=60)

    assert "local-a-1" in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert time.monotonic() - begun_s < 10


def test_a_host_that_does_not_know_our_key_says_so(vm: Vm, tmp_path: Path) -> None:
    write_private_key(tmp_path / "stranger", make_ssh_key())

    with pytest.raises(HostError, match="refused our key"):
        connect(vm.host, tmp_path / "stranger", vm.host_key.public, deadline_s=0)


def test_a_host_that_never_speaks_is_given_up(silent: Host, vm: Vm) -> None:
    with pytest.raises(HostError, match="never answered SSH") as caught:
        connect(silent, vm.key_file, vm.host_key.public, timeout_s=0.2, deadline_s=0.1)

    assert "local-a-9" in str(caught.value)
    assert "firewall" in caught.value.hint


def test_a_port_where_nothing_listens_is_given_up(vm: Vm) -> None:
    host = replace(vm.host, port=free_port())

    with pytest.raises(HostError, match="never answered SSH"):
        connect(host, vm.key_file, vm.host_key.public, deadline_s=0.3)


def test_a_host_that_is_still_booting_is_waited_for(boot_vm: BootVm, key_file: Path) -> None:
    host = Host("local-a-2", "127.0.0.1", free_port(), "skytf")
    first_attempt_failed = Tried()
    booting = threading.Thread(target=lambda: first_attempt_failed.wait_for() and boot_vm("local-a-2", host.port))
    booting.start()

    # That it presents a key at all, which is not the one we made up, shows that it was reached.
    with pytest.raises(HostError, match="presented another host key"):
        connect(host, key_file, make_ssh_key().public, deadline_s=30, cancel=first_attempt_failed)

    booting.join()


def test_waiting_for_a_silent_host_ends_when_cancelled(silent: Host, vm: Vm) -> None:
    cancel = Cancel()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    begun_s = time.monotonic()

    with pytest.raises(Cancelled):
        connect(silent, vm.key_file, vm.host_key.public, timeout_s=30, deadline_s=60, cancel=cancel)

    assert time.monotonic() - begun_s < 5
    timer.join()


def test_nothing_of_the_operators_own_ssh_is_used(vm: Vm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that would send us elsewhere, a key that would be refused, an agent that does not exist."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n  Hostname 192.0.2.1\n  User nobody\n")
    (tmp_path / ".fabric.json").write_text('{"user": "nobody", "connect_kwargs": {"password": "x"}}')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FABRIC_USER", "nobody")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))

    session = connect(vm.host, vm.key_file, vm.host_key.public)

    assert session.run(["true"]).exit_status == 0
    session.close()


def test_a_host_key_that_is_none_is_refused(vm: Vm) -> None:
    with pytest.raises(HostError, match="is not a public host key"):
        connect(vm.host, vm.key_file, "ssh-ed25519 nonsense!")
