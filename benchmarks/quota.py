"""A share of a core for each gateway, where control groups let us: the kernel's version 1 or 2."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Short, so that a gateway that has used its share is back before its peers notice: at 100 ms, the kernel's default, a
# stopped receiver holds its sender for most of a period.
PERIOD_US = 10_000


class NoQuotaError(Exception):
    """This machine does not let us limit a process; the message says why."""


@contextlib.contextmanager
def quotas(names: Sequence[str], cores: float) -> Iterator[dict[str, Sequence[str]]]:
    """
    Give the prefix of a command for each of *names*; what it starts may use *cores* of a core, together with its kin.

    Raises:
        NoQuotaError: Control groups cannot be made here.
    """
    made: list[Path] = []
    try:
        _make(made, names, cores)
        # The shell joins the group and becomes the command.
        yield {
            name: ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"))
            for name, group in zip(names, made, strict=True)
        }
    finally:
        for group in made:
            with contextlib.suppress(OSError):
                group.rmdir()


def _make(made: list[Path], names: Sequence[str], cores: float) -> None:
    try:
        for name in names:
            made.append(_group(f"skytf-bench-{os.getpid()}-{name}", cores))
    except OSError as error:
        raise NoQuotaError(f"control groups cannot be made here: {error}") from error


def _group(name: str, cores: float) -> Path:
    quota_us = round(cores * PERIOD_US)
    if (ROOT / "cgroup.controllers").exists():
        return _group_v2(name, quota_us)
    parent = ROOT / "cpu"
    if not (parent / "cpu.cfs_quota_us").exists():
        raise NoQuotaError(f"{parent} has no quotas")
    group = parent / name
    group.mkdir()
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    return group


def _group_v2(name: str, quota_us: int) -> Path:
    if "cpu" not in (ROOT / "cgroup.subtree_control").read_text().split():
        (ROOT / "cgroup.subtree_control").write_text("+cpu")
    group = ROOT / name
    group.mkdir()
    (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    return group
