"""
The real conftest (and OPA in it), built by Go, says what --policy says; and the command of policy/README.md is right.

One conftest process takes a case, so all cases go through it, and one through the command as it is documented.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.policy import rego
from tests.policy.bundles import BUNDLES
from tests.policy.test_cases import BY_NAME, expected

# github.com/open-policy-agent/conftest, with OPA 1.21.1
_CONFTEST = "github.com/open-policy-agent/conftest@v0.71.1"
_BUILD_S = 900
_RUN_S = 60
_ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def conftest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SKYTF_CONFTEST, else what Go builds once and keeps in build/go; its checksum database looks after the source."""
    named = os.environ.get("SKYTF_CONFTEST")
    kept = Path(named) if named else _ROOT / "build" / "go" / _CONFTEST.rpartition("@")[2] / "conftest"
    if kept.exists():
        return kept
    go = shutil.which("go")
    if go is None:
        pytest.skip("neither Go to build conftest with, nor SKYTF_CONFTEST")
    built = tmp_path_factory.mktemp("go") / "conftest"
    done = subprocess.run(
        [go, "install", _CONFTEST],
        env={**os.environ, "GOBIN": str(built.parent)},
        capture_output=True,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Go could not build conftest: {done.stderr.strip()[-300:]}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_name(f"conftest.{os.getpid()}")
    shutil.copy2(built, beside)
    beside.replace(kept)  # another worker may be building it too
    return kept


def lay_out(directory: Path, bundle: str, policy: dict[str, Any]) -> list[Path]:
    """Write the files of *bundle* and policy.yaml into *directory*; return those of the bundle."""
    written = [directory / "bundle" / name for name in rego.FILES if name in BUNDLES[bundle].files]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BUNDLES[bundle].files[path.relative_to(directory / "bundle").as_posix()])
    (directory / "policy.yaml").write_text(yaml.safe_dump({"skytf_policy": policy}))
    return written


def run(conftest: Path, directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(conftest), "test", *map(str, arguments)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=_RUN_S, check=False)


@BY_NAME
def test_conftest_finds_exactly_what_is_broken(conftest: Path, tmp_path: Path, case: dict[str, Any]) -> None:
    files = lay_out(tmp_path, case["bundle"], case["policy"])
    data = ("--data", rego.POLICY / "modules.json", "--data", "policy.yaml")

    said = run(conftest, tmp_path, "--combine", "-o", "json", "--namespace", "skytf", "-p", rego.POLICY, *data, *files)

    (result,) = json.loads(said.stdout)
    found = {(one["metadata"]["rule"], one["metadata"]["where"]) for one in result.get("failures", ())}
    assert found == expected(case), said.stderr
    assert said.returncode == bool(found)


def test_the_documented_command_works_and_fails_where_it_must(conftest: Path, tmp_path: Path) -> None:
    text = (rego.POLICY / "README.md").read_text()
    (command,) = re.findall(r"^conftest test (.*?)$", text.replace("\\\n", " "), re.MULTILINE)
    (tmp_path / "policy").symlink_to(rego.POLICY)

    lay_out(tmp_path, "usual", {"max_usd": 200})
    good = run(conftest, tmp_path, *command.split())
    lay_out(tmp_path, "usual", {"max_usd": 199})
    bad = run(conftest, tmp_path, *command.split())

    assert good.returncode == 0, good.stdout + good.stderr
    assert bad.returncode == 1
    assert "max_usd: found 200 USD (high), allowed at most 199 USD (high)" in bad.stdout
