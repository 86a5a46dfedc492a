"""The real command, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def skytf(
    home: Path, *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m skytf`` with nobody at the terminal; *env* comes on top of this process's environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SKYTF_")}
    return subprocess.run(
        [sys.executable, "-m", "skytf", *map(str, arguments)],
        cwd=cwd,
        env={**inherited, "SKYTF_HOME": str(home), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


def assert_plain(said: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Check that a failure is told as it should be: its code, one paragraph with *words*, a next step, no traceback."""
    assert said.returncode == code, said.stderr
    assert "Traceback" not in said.stderr + said.stdout
    error = said.stderr[said.stderr.index("Error: ") :]
    assert error.count("Error: ") == 1
    assert "\nNext: " in error
    assert "\n\n" not in error
    for word in words:
        assert word in error, error
