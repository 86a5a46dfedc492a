from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from skytf.deploy.fetch_wheels import add, fetch, place


def wheel_of(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        for name in names:
            wheel.writestr(name, f"this is {name}")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "goes_to"),
    [
        ("tiny/__init__.py", "tiny/__init__.py"),
        ("tiny.data/not_a_data_directory_of_its_own", ""),
        ("tiny-1.0.data/purelib/tiny/a.py", "tiny/a.py"),
        ("tiny-1.0.data/platlib/tiny.so", "tiny.so"),
        ("tiny-1.0.data/data/share/tiny.txt", "share/tiny.txt"),
        ("tiny-1.0.data/scripts/tiny", ""),
        ("tiny-1.0.data/headers/tiny.h", ""),
        ("tiny-1.0.dist-info/METADATA", "tiny-1.0.dist-info/METADATA"),
    ],
)
def test_a_file_of_a_wheel_goes_where_an_installer_puts_it(name: str, goes_to: str) -> None:
    assert place(name) == goes_to


def test_a_wheel_becomes_part_of_a_tree() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        add(packed, wheel_of("tiny/", "tiny/a.py", "tiny-1.0.data/scripts/tiny"))

    archive.seek(0)
    with tarfile.open(fileobj=archive) as packed:
        [entry] = packed.getmembers()
        assert (entry.name, entry.mode) == ("tiny/a.py", 0o644)


def test_one_wrong_file_leaves_no_archive(tmp_path: Path) -> None:
    (tmp_path / "good.whl").write_bytes(wheel_of("good.py"))
    (tmp_path / "bad.whl").write_bytes(wheel_of("bad.py"))
    good = hashlib.sha256((tmp_path / "good.whl").read_bytes()).hexdigest()

    with pytest.raises(SystemExit, match="not the file that was locked"):
        fetch(
            tmp_path / "archive",
            [
                {"url": (tmp_path / "good.whl").as_uri(), "sha256": good},
                {"url": (tmp_path / "bad.whl").as_uri(), "sha256": good},
            ],
        )

    assert not (tmp_path / "archive").exists()
