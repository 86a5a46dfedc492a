"""A coverage-guided fuzzer at everything that decodes what others wrote, with a fixed budget."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.hostile.targets import TARGETS

MOST_RSS_MIB = 512
# What one input may take: nothing that is decoded is large.
MOST_INPUT_S = 10


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: make test-all does, on Linux on x86-64 with Python 3.11 to 3.13",
)
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    budget = (f"-atheris_runs={TARGETS[name].runs}", f"-rss_limit_mb={MOST_RSS_MIB}", f"-timeout={MOST_INPUT_S}")

    done = subprocess.run(
        [sys.executable, "-m", "tests.gateway.hostile.fuzz", name, str(tmp_path), "-seed=1", "-max_len=2048", *budget],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    found = {path.name: path.read_bytes() for path in tmp_path.glob("*-*")}
    assert (done.returncode, found) == (0, {}), done.stdout[-3000:] + done.stderr[-3000:]
    assert f"Done {TARGETS[name].runs}" in done.stderr
