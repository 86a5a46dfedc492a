from __future__ import annotations

import threading

import pytest

from skytf.deploy import prepare
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.connect import connect
from skytf.deploy.prepare import prepare_host
from skytf.deploy.timing import Stopwatch
from skytf.errors import HostError
from tests.skytf.deploy.conftest import BootVm, Vm


def test_the_bootstrap_host_key_is_worth_nothing_afterwards(boot_vm: BootVm) -> None:
    vm = boot_vm("fleet-a-1")
    told = []

    session, host_key = prepare_host(
        vm.host, vm.key_file, vm.host_key.public, on_host_key=lambda *what: told.append(what)
    )

    assert session.run("echo here").stdout == "here\n"
    assert told == [("fleet-a-1", host_key)]
    with pytest.raises(HostError, match="another host key"):
        connect(vm.host, vm.key_file, vm.host_key.public)
    session.close()


def test_a_host_that_was_prepared_before_is_found_by_its_own_key(boot_vm: BootVm) -> None:
    vm = boot_vm("fleet-a-2")
    first, host_key = prepare_host(vm.host, vm.key_file, vm.host_key.public)
    first.close()

    second, same = prepare_host(vm.host, vm.key_file, host_key, rotated=True)

    assert same == host_key
    second.close()


def test_a_vm_that_cannot_make_a_key_gets_no_secret(boot_vm: BootVm) -> None:
    vm = boot_vm("fleet-a-3")
    (vm.machine.bin / "skytf-rotate-host-key").write_text("#!/bin/sh\necho sorry\n")

    with pytest.raises(HostError, match=r"fleet-a-3.*did not make a host key"):
        prepare_host(vm.host, vm.key_file, vm.host_key.public)


def fake_cloud_init(vm: Vm, script: str) -> None:
    (vm.machine.bin / "cloud-init").write_text(f"#!/bin/sh\n{script}\n")
    (vm.machine.bin / "cloud-init").chmod(0o700)


def test_what_cloud_init_has_not_written_yet_is_waited_for(boot_vm: BootVm) -> None:
    """SSH answers, but the script comes only in cloud-init's later stage, which then fails for a reason of its own."""
    vm = boot_vm("fleet-a-4")
    rotate = vm.machine.bin / "skytf-rotate-host-key"
    rotate.rename(rotate.with_name("later"))
    fake_cloud_init(vm, f"[ $1 $2 = status --wait ] || true; mv {rotate.with_name('later')} {rotate}; exit 1")
    watch = Stopwatch()
    steps = []

    session, host_key = prepare_host(
        vm.host, vm.key_file, vm.host_key.public, watch=watch, on_step=lambda _, step: steps.append(step)
    )

    assert host_key.startswith("ssh-ed25519 ")
    assert steps == ["connecting", "booting", "rotating"]
    assert set(watch.seconds()) == {*steps, "all"}
    session.close()


def test_a_boot_that_never_ends_is_given_up(boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = boot_vm("fleet-a-5")
    fake_cloud_init(vm, "exec sleep 60")
    monkeypatch.setattr(prepare, "_LEAST_BOOT_S", 0.2)

    with pytest.raises(HostError, match=r"fleet-a-5.*cloud-init was not done") as caught:
        prepare_host(vm.host, vm.key_file, vm.host_key.public, deadline_s=0.2)

    assert "cloud-init-output.log" in caught.value.hint


def test_a_boot_is_no_longer_waited_for_when_somebody_cancels(boot_vm: BootVm) -> None:
    vm = boot_vm("fleet-a-6")
    fake_cloud_init(vm, "exec sleep 60")
    cancel = Cancel()
    timers = []

    def cancel_soon(_gateway_id: str, step: str) -> None:
        if step == "booting":
            timers.append(threading.Timer(0.2, cancel.set))
            timers[0].start()

    with pytest.raises(Cancelled):
        prepare_host(vm.host, vm.key_file, vm.host_key.public, cancel=cancel, on_step=cancel_soon)

    timers[0].join()


def test_what_cloud_init_says_explains_a_host_without_the_script(boot_vm: BootVm) -> None:
    vm = boot_vm("fleet-a-7")
    (vm.machine.bin / "skytf-rotate-host-key").unlink()
    fake_cloud_init(vm, "echo 'status: error'; echo 'detail: no network'")

    with pytest.raises(HostError, match="No such file") as caught:
        prepare_host(vm.host, vm.key_file, vm.host_key.public)

    assert "detail: no network" in caught.value.hint
