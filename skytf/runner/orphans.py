"""Terraform processes that have lost their client: it never kills them, so they go on, and hold the state's lock."""

from __future__ import annotations

from pathlib import Path

import psutil

from skytf.errors import TerraformError


def wait_for_orphans(*workdirs: Path, timeout_s: float = 600.0) -> None:
    """
    Return once no process works in any of *workdirs*.

    They are not interrupted: the client may have sent their one SIGINT before it died, and a second one would make
    terraform forget what it is creating.

    Raises:
        TerraformError: One is still there after *timeout_s*.
    """
    _, alive = psutil.wait_procs(_working_in({str(one.resolve()) for one in workdirs}), timeout=timeout_s)
    if alive:
        raise TerraformError(
            f"terraform of an earlier run still works as process {alive[0].pid}",
            hint="wait for it, or look what it waits for",
        )


def _working_in(workdirs: set[str]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() in workdirs and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
