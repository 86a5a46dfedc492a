from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
import uv

from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.packages import Platform, install, uv_environment
from skytf.errors import HostError
from tests.skytf.deploy.index_server import Index
from tests.skytf.deploy.wheels import write_wheel

OURS = Platform(f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine(), "glibc 2.39")


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock whose one package is in a directory that only pip's settings name."""
    lock = tmp_path / "tiny.lock"
    lock.write_text(write_wheel(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return lock


@pytest.mark.parametrize(
    ("machine", "libc", "name"),
    [
        ("x86_64", "glibc 2.39", "x86_64-manylinux_2_28"),
        ("x86_64", "glibc 2.17", "x86_64-manylinux_2_17"),
        ("arm64", "macos", "aarch64-apple-darwin"),
        ("aarch64", "musl", "aarch64-unknown-linux-musl"),
    ],
)
def test_a_platform_has_the_name_that_uv_knows(machine: str, libc: str, name: str) -> None:
    assert Platform("3.12", machine, libc).uv_name() == name


def test_packages_come_from_where_pip_is_told_to_look(lock_file: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"

    install(lock_file, tree, OURS, Cancel())

    assert (tree / "tiny" / "__init__.py").read_text() == "ANSWER = 42\n"


def test_packages_for_another_machine_and_python_can_be_had(lock_file: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"

    install(lock_file, tree, Platform("3.12", "aarch64", "glibc 2.39"), Cancel())

    assert (tree / "tiny").is_dir()


def test_a_warm_cache_is_enough_when_the_index_is_gone(
    lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index(tmp_path / "wheels") as index:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        install(lock_file, tmp_path / "first", OURS, Cancel())

    install(lock_file, tmp_path / "second", OURS, Cancel())

    assert (tmp_path / "second" / "tiny").is_dir()


def test_a_package_that_is_not_what_was_locked_is_refused(lock_file: Path, tmp_path: Path) -> None:
    lock_file.write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n")

    with pytest.raises(HostError, match="cannot be had") as caught:
        install(lock_file, tmp_path / "tree", OURS, Cancel())

    assert "tiny.lock" in str(caught.value)
    assert "package index" in caught.value.hint


def test_pip_steps_in_where_uv_cannot(lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "find_uv_bin", lambda: "/bin/false")
    tree = tmp_path / "tree"

    install(lock_file, tree, OURS, Cancel())

    assert (tree / "tiny").is_dir()


def test_nothing_stays_of_a_way_that_failed(lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "uv"
    broken.write_text(
        '#!/bin/sh\nwhile [ "$1" != --target ]; do shift; done\nmkdir -p "$2/tiny"; touch "$2/tiny/half.py"; exit 1\n'
    )
    broken.chmod(0o700)
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(broken))

    install(lock_file, tmp_path / "tree", OURS, Cancel())

    assert [path.name for path in (tmp_path / "tree" / "tiny").glob("*.py")] == ["__init__.py"]


def test_pip_is_not_asked_for_packages_of_another_machine(
    lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv, "find_uv_bin", lambda: "/bin/false")

    with pytest.raises(HostError, match="sparc"):
        install(lock_file, tmp_path / "tree", Platform("3.12", "sparc", "glibc 2.39"), Cancel())


def test_a_cancelled_build_ends_as_such(lock_file: Path, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.set()

    with pytest.raises(Cancelled):
        install(lock_file, tmp_path / "tree", OURS, cancel)


def test_settings_of_uv_weigh_more_than_those_of_pip() -> None:
    environment = {"UV_DEFAULT_INDEX": "https://uv.example/simple"}
    pip = {
        "index-url": "https://pip.example/simple",
        "extra-index-url": "https://a.example\nhttps://b.example",
        "trusted-host": "a.example b.example",
    }

    result = uv_environment(environment, pip)

    assert result["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    assert result["UV_INDEX"] == "https://a.example https://b.example"
    assert result["UV_INSECURE_HOST"] == "a.example b.example"


def test_a_directory_of_wheels_that_is_not_there_is_left_out() -> None:
    result = uv_environment({}, {"find-links": "/does/not/exist"})

    assert "UV_FIND_LINKS" not in result
