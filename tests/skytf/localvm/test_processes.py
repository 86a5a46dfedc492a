"""Whose process is it, and is it gone?"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from skytf.errors import HostError
from skytf.localvm import processes
from skytf.localvm.machine import Machine

MACHINE = Machine.parse("/a", "t1/gw-0")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"SKYTF_VM_ID": "t1/gw-0", "SKYTF_LOCAL_ROOT": "/a"}, True),
        ({"SKYTF_VM_ID": "t1/gw-0"}, True),
        ({"SKYTF_VM_ID": "t1/gw-0", "SKYTF_LOCAL_ROOT": "/b"}, False),
        ({"SKYTF_VM_ID": "t1/gw-1", "SKYTF_LOCAL_ROOT": "/a"}, False),
        ({"SKYTF_LOCAL_ROOT": "/a"}, False),
        ({}, False),
    ],
)
def test_a_process_belongs_to_the_vm_that_it_names(environment: dict[str, str], expected: bool) -> None:
    assert processes.belongs(environment, MACHINE) is expected


def test_a_zombie_is_gone_and_no_member(tmp_path: Path) -> None:
    machine = Machine.parse(tmp_path, "t1/gw-0")
    child = subprocess.Popen(["/bin/true"], env={"SKYTF_VM_ID": machine.vm_id, "SKYTF_LOCAL_ROOT": str(tmp_path)})
    try:
        processes.wait_gone([psutil.Process(child.pid)], 10)

        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert processes.members(machine) == {}
    finally:
        child.wait(10)


def test_waiting_for_what_does_not_end_is_bounded() -> None:
    started_s = time.monotonic()
    processes.wait_gone([psutil.Process(os.getpid())], 0.2)

    assert 0.2 <= time.monotonic() - started_s < 5


def test_what_cannot_be_killed_is_named() -> None:
    class Immortal:
        pid = os.getppid()

        def send_signal(self, number: int) -> None:
            raise psutil.AccessDenied(self.pid)

        def is_running(self) -> bool:
            return False

    with pytest.raises(HostError, match=f"processes {os.getppid()} of a local VM cannot be killed"):
        processes.end(lambda: {Immortal.pid: Immortal()})  # type: ignore[dict-item]  # nothing real may be at risk
