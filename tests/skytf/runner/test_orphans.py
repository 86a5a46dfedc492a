from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.errors import TerraformError
from skytf.runner.orphans import wait_for_orphans


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works in ``tmp_path/work`` until its standard input ends."""
    (tmp_path / "work").mkdir()
    reading = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", reading], cwd=tmp_path / "work", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_who_still_works_there_is_waited_for(orphan: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match=f"as process {orphan.pid}"):
        wait_for_orphans(tmp_path / "work", timeout_s=0.1)

    assert orphan.stdin is not None
    orphan.stdin.close()
    wait_for_orphans(tmp_path, tmp_path / "work", timeout_s=30)

    orphan.wait(0)


def test_who_works_elsewhere_is_not(orphan: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wait_for_orphans(tmp_path, timeout_s=0)
