from __future__ import annotations

import compileall
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from skytf.deploy import unpack as module
from skytf.deploy.unpack import unpack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "tree.tar.gz", "A = 1\n")


def write_archive(path: Path, source: str) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        entry = tarfile.TarInfo("package/a.py")
        entry.size = len(source)
        packed.addfile(entry, io.BytesIO(source.encode()))
    return path


def test_a_tree_has_its_bytecode_and_the_archive_is_gone(archive: Path, tmp_path: Path) -> None:
    tree = tmp_path / "trees" / "deps-1"
    tree.parent.mkdir()

    unpack(archive, tree)

    assert (tree / "package" / "a.py").read_text() == "A = 1\n"
    assert len(list(tree.glob("package/__pycache__/a.*.pyc"))) == 1
    assert not archive.exists()
    assert list(tree.parent.iterdir()) == [tree]


def test_a_tree_that_stands_there_is_left_alone(archive: Path, tmp_path: Path) -> None:
    tree = tmp_path / "trees" / "deps-1"
    tree.mkdir(parents=True)
    (tree / "theirs").touch()

    unpack(archive, tree)

    assert [path.name for path in tree.iterdir()] == ["theirs"]
    assert list(tree.parent.iterdir()) == [tree]


def test_the_slower_of_two_hosts_with_one_disk_takes_what_the_faster_made(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "trees" / "deps-1"
    tree.parent.mkdir()
    faster = write_archive(tmp_path / "other.tar.gz", "A = 1\n")
    compile_dir = compileall.compile_dir

    def overtaken(*args: object, **kwargs: object) -> None:
        monkeypatch.setattr(compileall, "compile_dir", compile_dir)
        unpack(faster, tree)

    monkeypatch.setattr(compileall, "compile_dir", overtaken)

    unpack(archive, tree)

    assert (tree / "package" / "a.py").exists()
    assert list(tree.parent.iterdir()) == [tree]


def test_what_a_killed_unpacking_left_is_removed_a_day_later(archive: Path, tmp_path: Path) -> None:
    trees = tmp_path / "trees"
    old, fresh = trees / ".new-old", trees / ".new-fresh"
    for directory in (old, fresh):
        directory.mkdir(parents=True)
    os.utime(old, (0, 0))

    unpack(archive, trees / "deps-1")

    assert not old.exists()
    assert fresh.exists()


def test_it_runs_with_the_standard_library_alone(archive: Path, tmp_path: Path) -> None:
    tree = tmp_path / "deps-1"
    script = Path(module.__file__).read_text()

    subprocess.run([sys.executable, "-I", "-S", "-c", script, str(archive), str(tree)], check=True)

    assert (tree / "package" / "a.py").exists()
