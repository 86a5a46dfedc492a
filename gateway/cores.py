"""How many CPUs this process may use: what the machine has, less what affinity and control groups take away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> float:
    """Return the CPUs that threads of this process can keep busy at a time; a quota may be a part of one."""
    # Not everywhere can a process be bound to some CPUs.
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(count), *_quotas(root)])


def _quotas(root: Path) -> Iterator[float]:
    """
    Yield the CPU quotas of our control groups and of those above them, in CPUs.

    Source:
        docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max"; docs.kernel.org/scheduler/sched-bwc.html; proc(5).
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            mounts = [controllers] if controllers else ["", "unified"]
            for mount in mounts:
                directory = root / "sys/fs/cgroup" / mount
                for group in (directory, *_below(directory, path)):
                    yield from _quota(group)


def _below(directory: Path, path: str) -> Iterator[Path]:
    for part in Path(path.lstrip("/")).parts:
        directory /= part
        yield directory


def _quota(group: Path) -> Iterator[float]:
    quota, _, period = _read(group / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = _read(group / "cpu.cfs_quota_us").strip(), _read(group / "cpu.cfs_period_us").strip()
    if quota.isdigit() and period.isdigit() and int(quota) and int(period):  # "max" and -1 say that there is none
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
