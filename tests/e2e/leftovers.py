"""What a transfer must not leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import psutil


def processes_of(home: Path) -> list[str]:
    """Return the command lines of all processes that belong to local VMs of *home*."""
    return processes_below(home / "local")


def processes_below(machines: Path) -> list[str]:
    """Return the command lines of all processes of the VMs below *machines*, found by their environment."""
    root = str(machines)
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get("SKYTF_LOCAL_ROOT") == root and environment.get("SKYTF_VM_ID"):
                found.append(f"{process.pid} {environment['SKYTF_VM_ID']} {' '.join(process.cmdline())[:200]}")
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def left_of(home: Path) -> list[str]:
    """Return what is left of all fleets of *home*: processes, VM directories, Terraform state, secrets."""
    left = processes_of(home)
    left += [str(path) for path in (home / "local" / "vms").glob("*/*")]
    for transfer in (home / "transfers").glob("*"):
        state = transfer / "work" / "terraform.tfstate"
        if state.exists() and json.loads(state.read_text() or "{}").get("resources"):
            left.append(f"{state} has resources")
        left += [str(path) for path in (transfer / "keys").glob("*")]
        left += [str(path) for path in (transfer / "work").glob("apply.auto.tfvars.json")]
        left += [str(path) for path in (transfer / "work").glob("apply.tfplan")]
        left += [str(path) for path in (transfer / "work").glob("*.port")]
    return left
