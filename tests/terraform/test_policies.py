"""checkov finds nothing in the modules and in what is rendered, and whatever it was told to skip says why."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skytf.resources import terraform_dir
from tests.terraform.pairs import clouds, lay_out

_CHECKOV = Path(__file__).parents[2] / ".venv-checkov" / "bin" / "checkov"
_TIMEOUT_S = 300
_REASON_WORDS = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _CHECKOV.exists(), reason="checkov is not installed: make .venv-checkov/.installed"),
]


@dataclass(frozen=True)
class Findings:
    """What checkov says of a directory: the checks that failed, passed, and were skipped (with the reason)."""

    failed: list[str]
    passed: list[str]
    skipped: dict[str, str]


def scan(directory: Path) -> Findings:
    """Run checkov over the Terraform files of *directory*, without the network."""
    done = subprocess.run(
        [_CHECKOV, "--directory", directory, "--framework", "terraform", "--skip-download", "--output", "json"],
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    report = json.loads(done.stdout)
    assert "results" in report, f"checkov found nothing to look at: {done.stdout} {done.stderr}"
    assert report["results"]["parsing_errors"] == []
    return Findings(
        failed=[f"{_where(one)}: {one['check_name']}" for one in report["results"]["failed_checks"]],
        passed=[_where(one) for one in report["results"]["passed_checks"]],
        skipped={
            _where(one): one["check_result"].get("suppress_comment", "") for one in report["results"]["skipped_checks"]
        },
    )


def _where(found: dict[str, Any]) -> str:
    return f"{found['check_id']} {found['file_path']} {found['resource']}"


def test_checkov_finds_nothing_in_the_modules() -> None:
    found = scan(terraform_dir())

    assert found.failed == []
    assert {cloud for cloud in clouds() if not any(f" /{cloud}/" in one for one in found.passed)} == set()
    assert [where for where, reason in found.skipped.items() if len(reason.split()) < _REASON_WORDS] == []


def test_checkov_finds_nothing_in_what_is_rendered(tmp_path: Path) -> None:
    known = clouds()

    found = scan(lay_out(tmp_path, *zip(known, known[1:] + known[:1], strict=True)))

    assert found.failed == []
    assert found.passed


def test_checkov_would_find_a_port_that_is_open_to_everybody(tmp_path: Path) -> None:
    rule = (
        'resource "azurerm_network_security_rule" "open" {\n  name = "open"\n  access = "Allow"\n  protocol = "Tcp"\n'
        '  direction = "Inbound"\n  source_address_prefix = "*"\n  destination_port_range = "22"\n}\n'
    )
    (tmp_path / "main.tf").write_text(rule)

    found = scan(tmp_path)

    assert [one.split()[0] for one in found.failed] == ["CKV_AZURE_10"]
