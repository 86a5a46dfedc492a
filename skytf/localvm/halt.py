"""Halt a local VM: end its processes, then remove its files."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from skytf.localvm import processes
from skytf.localvm.machine import Machine, Record


def halt(machine: Machine, *, port_file: Path | None = None) -> None:
    """
    Leave nothing of *machine*, whatever state it is in; of a VM that is gone already, too.

    Raises:
        HostError: A process cannot be killed; the files stay, so that it can be found again.
    """
    record = Record.read(machine)
    if record is not None:
        # First the server alone: it ends the others in order, and holds the daemons that left their session.
        processes.ask(machine, record.pid)
    # Then whatever carries the VM's id: what a killed server left behind, or a boot that is still under way.
    processes.end(lambda: processes.members(machine))
    remove_files(machine)
    if port_file is not None:
        port_file.unlink(missing_ok=True)


def power_off(machine: Machine) -> None:
    """
    End every process below this one, the SSH server of *machine*, and remove the VM's files.

    Raises:
        HostError: A process cannot be killed.
    """
    processes.end(processes.descendants)
    remove_files(machine)


def remove_files(machine: Machine) -> None:
    """Remove the directory of *machine*, and those above it that are left empty."""
    for directory, names, _ in os.walk(machine.directory):
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                with suppress(FileNotFoundError):
                    path.chmod(0o700)  # a session may have made a directory that its owner cannot empty
    while machine.directory.is_dir():
        with suppress(FileNotFoundError):  # another halt removes it too: what it has not reached yet is still there
            shutil.rmtree(machine.directory)
    with suppress(OSError):  # another VM is in there, or another halt was faster
        machine.directory.parent.rmdir()
        machine.directory.parent.parent.rmdir()
