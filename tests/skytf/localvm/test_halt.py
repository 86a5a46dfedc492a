"""Halting leaves no process and no file, whatever became of the VM."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skytf.localvm import processes
from skytf.localvm.halt import remove_files
from tests.skytf.localvm.vm import TIMEOUT_S, Vm, gone

_DAEMON = "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"


def test_a_daemon_that_left_its_session_is_ended(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    daemon = int(vm.run(_DAEMON).out)
    assert daemon in processes.members(vm.machine)

    halted = vm.halt()

    assert halted.returncode == 0
    assert vm.leftovers() == []
    assert not vm.machine.root.joinpath("vms").exists()


def test_a_daemon_that_dropped_its_environment_is_ended(prepare: Callable[..., Vm]) -> None:
    """The SSH server adopts orphans, so that they stay below it."""
    vm = prepare()
    vm.boot()
    daemon = int(vm.run("env -i setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1 </dev/null' &").out)
    process = processes.members(vm.machine)[daemon]

    vm.halt()

    assert gone(process)


def test_a_daemon_that_ignores_the_signal_is_killed(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    vm.run("(trap '' TERM; echo ready; exec setsid sleep 1000 >/dev/null 2>&1 </dev/null) &")

    vm.halt()

    assert vm.leftovers() == []


def test_a_daemon_is_asked_before_it_is_killed(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    note = vm.machine.root.parent / "note"
    vm.run(f"""python3 -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
if os.fork() == 0:
    os.setsid()
    for fd in (0, 1, 2): os.close(fd)
    signal.sigwait([signal.SIGTERM])
    open("{note}", "w").write("asked")
'""")

    vm.halt()

    assert note.read_text() == "asked"


def test_a_killed_server_leaves_daemons_that_are_found_by_their_environment(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    daemon = int(vm.run(_DAEMON).out)
    vm.server.kill()
    assert daemon in processes.members(vm.machine)

    vm.halt()

    assert vm.leftovers() == []


def test_a_stopped_server_is_ended(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    vm.run(_DAEMON)
    vm.server.send_signal(signal.SIGSTOP)

    vm.halt()

    assert vm.leftovers() == []


def test_a_vm_whose_files_are_gone_is_ended(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    (vm.machine.directory / "vm.json").unlink()

    vm.halt()

    assert vm.leftovers() == []


def test_a_directory_that_nobody_may_write_to_is_removed(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    vm.run("mkdir -p a/b && touch a/b/c && chmod 500 a/b && chmod 0 a; ln -s /nowhere dangling")

    halted = vm.halt()

    assert halted.returncode == 0
    assert vm.leftovers() == []


def test_a_halt_that_was_faster_is_no_error(prepare: Callable[..., Vm], monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform, reap and the VM's own time limit may all come at once."""
    machine = prepare().machine
    machine.home.mkdir(parents=True)
    walk = os.walk

    def walk_and_be_overtaken(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for found in walk(top):
            shutil.rmtree(top)
            yield found

    monkeypatch.setattr(os, "walk", walk_and_be_overtaken)

    remove_files(machine)

    assert not machine.root.joinpath("vms").exists()


def test_halting_what_was_never_there_is_no_error(prepare: Callable[..., Vm]) -> None:
    vm = prepare()

    assert vm.halt().returncode == 0


def test_other_vms_are_left_alone(prepare: Callable[..., Vm]) -> None:
    one, other = prepare("t1/gw-0"), prepare("t1/gw-1")
    one.boot()
    other.boot()

    one.halt()

    assert one.leftovers() == []
    assert other.run("echo alive").out == "alive\n"


def test_a_recorded_pid_that_is_somebody_elses_by_now_is_left_alone(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    vm.boot()
    record = vm.machine.directory / "vm.json"
    with stranger() as process:
        record.write_text(record.read_text().replace(str(vm.server.pid), str(process.pid)))

        vm.halt()

        assert process.poll() is None
    assert vm.leftovers() == []


def test_a_vm_of_the_same_name_in_another_root_is_left_alone(prepare: Callable[..., Vm]) -> None:
    vm = prepare()
    with stranger({"SKYTF_VM_ID": vm.machine.vm_id, "SKYTF_LOCAL_ROOT": "/elsewhere"}) as process:
        vm.halt()

        assert process.poll() is None


@contextmanager
def stranger(environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "1000"], env=environment or {})
    try:
        yield process
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
