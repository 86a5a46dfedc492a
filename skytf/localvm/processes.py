"""The processes of a local VM: find them by what their environment says, and end them."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Mapping

import psutil

from skytf.errors import HostError
from skytf.localvm.machine import ID_VARIABLE, ROOT_VARIABLE, Machine

_ORDERLY_S = 3.0
_KILLED_S = 2.0
# A server that powers its VM off gives the daemons their time before it kills them, so waiting for it takes longer.
_SERVER_S = _ORDERLY_S + 2 * _KILLED_S
_KILL_ROUNDS = 5  # each round can only meet processes that were forked during the one before


def environment(process: psutil.Process) -> Mapping[str, str]:
    """Return the environment *process* was started with; empty for a zombie, or when it is not ours to read."""
    try:
        found: Mapping[str, str] = process.environ()
    except (psutil.Error, OSError):
        return {}
    return found


def belongs(found: Mapping[str, str], machine: Machine) -> bool:
    """Return whether a process with the environment *found* is one of *machine*'s."""
    return found.get(ID_VARIABLE) == machine.vm_id and found.get(ROOT_VARIABLE, str(machine.root)) == str(machine.root)


def members(machine: Machine) -> dict[int, psutil.Process]:
    """Return the live processes of *machine* by pid, but this one: those that carry its id, and their descendants."""
    everyone = list(psutil.process_iter())
    return _with_descendants((one for one in everyone if belongs(environment(one), machine)), everyone)


def descendants() -> dict[int, psutil.Process]:
    """Return the live processes below this one by pid."""
    return _with_descendants([psutil.Process()], list(psutil.process_iter()))


def server(machine: Machine, pid: int) -> psutil.Process | None:
    """Return process *pid* if it is one of *machine*'s: a recorded pid may be somebody else's by now."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    return process if belongs(environment(process), machine) else None


def ask(machine: Machine, pid: int) -> None:
    """Tell the SSH server *pid* to power *machine* off, and wait; does nothing where *pid* is no process of it."""
    process = server(machine, pid)
    if process is not None:
        _send([process], signal.SIGTERM)
        wait_gone([process], _SERVER_S)


def end(find: Callable[[], Mapping[int, psutil.Process]]) -> None:
    """
    End every process that *find* returns; returns when it finds none any more.

    Raises:
        HostError: Something cannot be killed.
    """
    for signal_number, patience_s in ((signal.SIGTERM, _ORDERLY_S), *[(signal.SIGKILL, _KILLED_S)] * _KILL_ROUNDS):
        found = find()
        if not found:
            return
        _send(found.values(), signal_number)
        wait_gone(found.values(), patience_s)
    if found := find():
        raise HostError(
            f"processes {', '.join(map(str, sorted(found)))} of a local VM cannot be killed",
            hint="see what they wait for (ps -o pid,stat,wchan), then run skytf reap",
        )


def wait_gone(processes: Iterable[psutil.Process], timeout_s: float) -> None:
    """Return when all *processes* have exited, reaped or not, or after *timeout_s* seconds."""
    if not hasattr(os, "pidfd_open"):
        psutil.wait_procs(list(processes), timeout=timeout_s)
        return
    deadline_s = time.monotonic() + timeout_s
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if process.is_running():  # else the pid is somebody else's by now
                poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
        finally:
            os.close(descriptor)


def _with_descendants(roots: Iterable[psutil.Process], everyone: Iterable[psutil.Process]) -> dict[int, psutil.Process]:
    children: dict[int, list[psutil.Process]] = {}
    for process in everyone:
        children.setdefault(_parent_pid(process), []).append(process)
    found: dict[int, psutil.Process] = {}
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting.extend(children.get(process.pid, ()))
    return {pid: process for pid, process in found.items() if pid != os.getpid() and _alive(process)}


def _send(processes: Iterable[psutil.Process], signal_number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(signal_number)  # checks that the pid is still the same process
            process.send_signal(signal.SIGCONT)  # a stopped process acts on nothing but SIGKILL
        except psutil.Error:
            continue


def _parent_pid(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0


def _alive(process: psutil.Process) -> bool:
    # Where PID 1 does not reap, a dead orphan stays in the table as a zombie for ever.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
