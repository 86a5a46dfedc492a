"""Hosts behind a proxy: its child process, its death, its last words."""

from __future__ import annotations

import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.connect import connect
from skytf.deploy.keys import make_ssh_key
from skytf.errors import HostError
from tests.skytf.deploy import forwarder
from tests.skytf.deploy.conftest import BootVm, Vm


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


@pytest.fixture
def proxy(tmp_path: Path) -> str:
    return shlex.join([sys.executable, "-S", str(forwarder.__file__), "%h", "%p", str(tmp_path / "%i.count")])


def test_a_host_is_reached_through_a_command(vm: Vm, proxy: str, tmp_path: Path) -> None:
    session = connect(vm.host, vm.key_file, vm.host_key.public, proxy=proxy)

    said = session.run("wc -c", stdin=b"x" * 100_000).stdout

    session.close()
    assert said.strip() == "100000"
    assert int((tmp_path / "local-a-1.count").read_text()) > 100_000


def test_a_jump_host_is_passed_by_the_systems_ssh(
    boot_vm: BootVm, vm: Vm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's own configuration says which key to use there and which host key to trust."""
    ssh = shutil.which("ssh")
    if ssh is None:
        pytest.skip("ssh not found: jump hosts not tested")
    jump = boot_vm("jump")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{jump.host.port} {jump.host_key.public}\n")
    (tmp_path / "config").write_text(
        f"Host bastion\n  Hostname 127.0.0.1\n  Port {jump.host.port}\n  User skytf\n  IdentityFile {jump.key_file}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {tmp_path / 'known'}\n"
    )
    (tmp_path / "ssh").write_text(f'#!/bin/sh\nexec {ssh} -F {tmp_path / "config"} "$@"\n')
    (tmp_path / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    session = connect(vm.host, vm.key_file, vm.host_key.public, proxy="bastion")

    assert session.run("echo $SKYTF_VM_ID").stdout == "t1/local-a-1\n"
    session.close()


def test_the_host_key_is_checked_end_to_end(vm: Vm, proxy: str) -> None:
    with pytest.raises(HostError, match="another host key"):
        connect(vm.host, vm.key_file, make_ssh_key().public, proxy=proxy)


def test_the_last_words_of_a_proxy_that_ends_are_quoted(vm: Vm) -> None:
    with pytest.raises(HostError, match=r"local-a-1.*proxy said: no route to 127\.0\.0\.1") as caught:
        connect(
            vm.host,
            vm.key_file,
            vm.host_key.public,
            proxy="sh -c 'echo first >&2; echo no route to %h >&2; exit 1'",
            deadline_s=0.1,
        )

    assert "SSH proxy" in caught.value.hint


def test_a_proxy_that_never_connects_is_given_up(vm: Vm) -> None:
    with pytest.raises(HostError, match="never answered SSH"):
        connect(vm.host, vm.key_file, vm.host_key.public, proxy="sleep 60 %h", timeout_s=0.2, deadline_s=0.1)


def test_a_proxy_that_ignores_its_end_is_made_to(vm: Vm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skytf.deploy.dial._PROXY_END_S", 0.2)

    with pytest.raises(HostError, match="never answered SSH"):
        connect(
            vm.host,
            vm.key_file,
            vm.host_key.public,
            proxy="sh -c 'trap : TERM; sleep 60; sleep 60 # %h'",
            timeout_s=0.3,
            deadline_s=0.1,
        )


def test_a_proxy_that_cannot_be_started_is_not_tried_twice(vm: Vm) -> None:
    begun_s = time.monotonic()

    with pytest.raises(HostError, match="'/does/not/exist' cannot be started: No such file"):
        connect(vm.host, vm.key_file, vm.host_key.public, proxy="/does/not/exist %h", deadline_s=30)

    assert time.monotonic() - begun_s < 10


def test_a_proxy_that_dies_loses_the_session(vm: Vm, proxy: str) -> None:
    session = connect(vm.host, vm.key_file, vm.host_key.public, proxy=proxy)
    child = next(one for one in psutil.Process().children() if "forwarder.py" in " ".join(one.cmdline()))
    killing = threading.Timer(0.2, child.kill)
    killing.start()

    with pytest.raises(HostError, match=r"connection was lost .*the SSH proxy said: forwarding to 127\.0\.0\.1"):
        session.run(["sleep", "60"])

    killing.join()
    session.close()


def test_waiting_for_a_proxy_ends_when_cancelled(vm: Vm) -> None:
    cancel = Cancel()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    begun_s = time.monotonic()

    with pytest.raises(Cancelled):
        connect(vm.host, vm.key_file, vm.host_key.public, proxy="sleep 60 %h", timeout_s=30, cancel=cancel)

    timer.join()
    assert time.monotonic() - begun_s < 5
