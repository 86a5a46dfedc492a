from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.cores import usable_cpus


def machine(root: Path, cgroup: str, **files: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def of_many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


def test_without_a_quota_all_that_the_process_is_bound_to_count(tmp_path: Path) -> None:
    assert usable_cpus(machine(tmp_path, "0::/\n", cpu_dot_max="max 100000\n")) == 64.0


def test_without_control_groups_too(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == 64.0


def test_the_tightest_quota_above_us_holds(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/a/b\n", a__cpu_dot_max="150000 100000\n", a__b__cpu_dot_max="800000 100000\n")

    assert usable_cpus(root) == 1.5


def test_the_first_version_of_control_groups_has_other_files(tmp_path: Path) -> None:
    files = {"cpu,cpuacct__a__cpu_dot_cfs_quota_us": "400000\n", "cpu,cpuacct__a__cpu_dot_cfs_period_us": "100000\n"}

    assert usable_cpus(machine(tmp_path, "4:memory:/x\n3:cpu,cpuacct:/a\n0::/\n", **files)) == 4.0


def test_no_quota_is_minus_one_there(tmp_path: Path) -> None:
    files = {"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}

    assert usable_cpus(machine(tmp_path, "1:cpu:/\n", **files)) == 64.0
