from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skytf.deploy import tree
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.packages import Platform
from skytf.deploy.tree import Tree, code_tree, deps_tree, trees_for
from skytf.errors import HostError

UBUNTU = Platform("3.12", "x86_64", "glibc 2.39")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))


def fill_two_files(directory: Path, _cancel: Cancel) -> None:
    (directory / "bin").mkdir()
    (directory / "bin" / "script").write_text("#!/this/machine/python\n")
    (directory / "package").mkdir()
    (directory / "package" / "b.py").write_text("B = 1\n")
    (directory / "package" / "a.py").write_text("A = 1\n")
    (directory / "package" / "a.pyc").write_text("ours")


def test_a_gateway_gets_our_code_the_core_and_the_sdks_it_needs() -> None:
    kinds = [tree.name.rpartition("-")[0] for tree in trees_for({"s3", "file"}, UBUNTU)]

    assert kinds == ["code", "deps-core", "deps-s3"]


def test_a_codec_that_is_no_part_of_the_core_is_a_tree_of_its_own() -> None:
    trees = trees_for({"zstd"}, UBUNTU)

    assert [tree.name.rpartition("-")[0] for tree in trees] == ["code", "deps-core", "deps-zstd"]
    assert len(trees_for({"lz4"}, UBUNTU)) == 2


def test_a_relay_gets_no_sdk() -> None:
    assert len(trees_for((), UBUNTU)) == 2


def test_the_name_says_python_and_machine() -> None:
    names = {
        deps_tree("core", platform).name
        for platform in (UBUNTU, Platform("3.13", "x86_64", "glibc 2.39"), Platform("3.12", "aarch64", "glibc 2.39"))
    }

    assert len(names) == 3


def test_hosts_whose_packages_are_the_same_share_a_tree() -> None:
    debian = Platform("3.12", "x86_64", "glibc 2.36")

    assert deps_tree("core", debian).name == deps_tree("core", UBUNTU).name


def test_our_code_is_packed_without_what_is_not_code() -> None:
    with tarfile.open(code_tree().archive(Cancel())) as packed:
        names = packed.getnames()

    assert "gateway/program.py" in names
    assert all(name.endswith(".py") for name in names)


def test_an_archive_holds_neither_scripts_nor_bytecode_of_this_machine() -> None:
    with tarfile.open(Tree("two", fill_two_files).archive(Cancel())) as packed:
        names = packed.getnames()

    assert names == ["package/a.py", "package/b.py"]


def test_the_same_files_give_the_same_bytes() -> None:
    first = Tree("first", fill_two_files).archive(Cancel())
    second = Tree("second", fill_two_files).archive(Cancel())

    assert first.read_bytes() == second.read_bytes()


def test_a_tree_is_built_once_however_many_ask() -> None:
    builds = []
    together = threading.Barrier(4)

    def fill(directory: Path, _cancel: Cancel) -> None:
        builds.append(directory)

    def ask() -> Path:
        together.wait()
        return Tree("slow", fill).archive(Cancel())

    with ThreadPoolExecutor(4) as pool:
        archives = {future.result() for future in [pool.submit(ask) for _ in range(4)]}

    assert len(builds) == 1
    assert len(archives) == 1


def test_who_waits_for_the_build_of_another_skytf_can_be_cancelled(tmp_path: Path) -> None:
    cancel = Cancel()
    lock = tmp_path / "cache" / "trees" / "two.tar.gz.lock"
    lock.parent.mkdir(parents=True)

    with ThreadPoolExecutor(1) as pool, lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = pool.submit(Tree("two", fill_two_files).archive, cancel)
        cancel.set()
        with pytest.raises(Cancelled):
            waiting.result(timeout=20)


def test_the_lock_that_was_waited_for_is_held(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    with lock.open("w") as ours, lock.open("w") as others:
        tree._wait_for(ours, Cancel())

        with pytest.raises(BlockingIOError):
            fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_build_that_failed_leaves_nothing_that_looks_like_a_tree() -> None:
    def fill(directory: Path, _cancel: Cancel) -> None:
        raise HostError("no index")

    with pytest.raises(HostError):
        Tree("broken", fill).archive(Cancel())

    assert Tree("broken", fill_two_files).archive(Cancel()).stat().st_size > 0


KILLED = """
import os, signal
from skytf.deploy import tree
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.tree import Tree

def fill(directory, _cancel):
    (directory / "half.py").touch()
    os.kill(os.getpid(), signal.SIGKILL)

Tree("two", fill).archive(Cancel())
"""


def test_a_build_that_was_killed_is_made_again_and_leaves_nothing() -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False)

    packed = Tree("two", fill_two_files).archive(Cancel())

    assert sorted(path.name for path in packed.parent.iterdir()) == ["two.tar.gz", "two.tar.gz.lock"]
    with tarfile.open(packed) as archive:
        assert archive.getnames() == ["package/a.py", "package/b.py"]


def test_nobody_else_may_write_what_gateways_will_run() -> None:
    before = os.umask(0)
    try:
        packed = Tree("two", fill_two_files).archive(Cancel())
    finally:
        os.umask(before)

    assert [path.stat().st_mode & 0o777 for path in packed.parents[:2]] == [0o700, 0o700]
