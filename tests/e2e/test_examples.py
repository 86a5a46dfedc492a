"""The examples of docs/api.md run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.trees import contents, plant

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(home: Path, name: str, *arguments: Path) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    environment = {**os.environ, "SKYTF_HOME": str(home)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_copy_with_progress(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=20, large=0)

    said = run(home, "copy_with_progress.py", tmp_path / "in", tmp_path / "out")

    assert contents(tmp_path / "out") == files
    assert "transferring" in said
    assert "done:" in said


def test_review_then_apply(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=20, large=0)

    said = run(home, "review_then_apply.py", tmp_path / "in", tmp_path / "out", tmp_path / "bundle")

    assert contents(tmp_path / "out") == files
    assert f"done: {len(files)} objects verified" in said
