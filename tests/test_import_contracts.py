"""The import contracts hold (make lint says so) and would notice if they did not."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skytf.clouds import CLOUDS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for package in ("gateway", "skytf"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run(
        [*command, "--no-cache"], cwd=checkout, capture_output=True, text=True, check=False, env={"PYTHONPATH": "."}
    )


def test_the_contracts_are_kept(checkout: Path) -> None:
    result = lint(checkout)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("gateway/units.py", "import skytf.errors", "The data plane never imports the control plane"),
        ("gateway/errors.py", "import gateway.daemon", "The data plane points down"),
        ("skytf/planner/direct.py", "import skytf.client", "The control plane points down"),
        ("skytf/planner/direct.py", "import skytf.planner.relay", "Strategies do not know each other"),
        ("skytf/transfer.py", "import fabric", "fabric only in deploy"),
        ("skytf/bundle.py", "import rich", "click and rich only in the command line"),
        ("skytf/programs.py", "import jinja2", "jinja2 only in render"),
        ("gateway/stores/memory.py", "import gateway.stores.s3", "Stores do not know each other"),
    ],
)
def test_a_deliberate_violation_breaks_its_contract(checkout: Path, file: str, line: str, contract: str) -> None:
    with (checkout / file).open("a") as source:
        source.write(f"\n{line}\n")

    result = lint(checkout)

    assert result.returncode != 0
    assert re.search(rf"{re.escape(contract)}\s+BROKEN", result.stdout), result.stdout


def test_a_module_without_a_layer_breaks_the_build(checkout: Path) -> None:
    (checkout / "skytf" / "utils.py").write_text('"""Nowhere to go."""\n')

    result = lint(checkout)

    assert result.returncode != 0
    assert "skytf.utils" in result.stdout


def test_no_cloud_is_named_outside_its_adapter_and_the_planners_local_rule() -> None:
    """A cloud is HCL and data: code that asks for one by name belongs in skytf/clouds."""
    names = {*CLOUDS, "aws", "gcp", "azure", "ibm"}
    asking = []
    for path in (ROOT / "skytf").rglob("*.py"):
        if "clouds" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                found = [one for one in (node.left, *node.comparators) if isinstance(one, ast.Constant)]
                asking += [f"{path.relative_to(ROOT)}:{node.lineno}" for one in found if one.value in names]

    assert asking == []
