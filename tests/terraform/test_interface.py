"""Every cloud's module keeps the interface that terraform/README.md describes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from skytf.clouds import CLOUDS
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path

pytestmark = pytest.mark.parametrize("cloud", sorted(CLOUDS))

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)


def documented(heading: str) -> dict[str, str]:
    """Return name → second column of the table under *heading*."""
    text = (terraform_dir() / "README.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {match[1]: match[2] for match in _ROW.finditer(section)}


def blocks(cloud: str, kind: str) -> dict[str, str]:
    """Return name → body of the *kind* blocks of the module of *cloud*, in order."""
    text = (terraform_dir() / cloud / f"{kind}s.tf").read_text()
    return {match[2]: match[3] for match in _BLOCK.finditer(text) if match[1] == kind}


def test_the_variables_are_those_of_the_interface_in_order(cloud: str) -> None:
    assert list(blocks(cloud, "variable")) == sorted(documented("Variables in"))


def test_the_outputs_are_those_of_the_interface(cloud: str) -> None:
    assert list(blocks(cloud, "output")) == sorted(documented("Outputs"))


def test_every_variable_is_typed_described_and_not_nullable(cloud: str) -> None:
    for name, body in blocks(cloud, "variable").items():
        keys = set(re.findall(r"^  (\w+) +=", body, re.MULTILINE))

        assert keys >= {"description", "type", "nullable"}, name
        assert re.search(r"^  nullable +=\s+false$", body, re.MULTILINE), name


def test_a_variable_is_sensitive_and_has_a_default_where_the_interface_says_so(cloud: str) -> None:
    kinds = documented("Variables in")
    for name, body in blocks(cloud, "variable").items():
        assert ("sensitive " in body) is ("sensitive" in kinds[name]), name
        assert (re.search(r"^  default +=", body, re.MULTILINE) is not None) is ("default" in kinds[name]), name


def test_an_output_gives_what_the_interface_says(cloud: str) -> None:
    promised = re.search(r"\{ ([\w, ]+) \}", (terraform_dir() / "README.md").read_text().split("## Outputs")[1])
    assert promised is not None

    body = blocks(cloud, "output")["gateways"]

    assert re.findall(r"^      (\w+) +=", body, re.MULTILINE) == promised[1].split(", ")
    assert "depends_on" not in body


def test_the_module_has_its_files_and_no_provider_block(cloud: str) -> None:
    directory = terraform_dir() / cloud

    assert {path.name for path in directory.iterdir()} >= {
        *("main.tf", "variables.tf", "outputs.tf", "versions.tf", "cloud.toml", "README.md")
    }
    assert not [
        path.name for path in directory.glob("*.tf") if re.search(r"^provider ", path.read_text(), re.MULTILINE)
    ]


def test_the_facts_are_those_that_python_reads(cloud: str) -> None:
    facts = tomllib.loads((terraform_dir() / cloud / "cloud.toml").read_text())

    table = (terraform_dir() / "README.md").read_text().split("| in `cloud.toml` |")[1]
    documented_keys = set(re.findall(r"^\| `\[*(\w+)\]*` \|", table, re.MULTILINE))
    assert {"title", "stores", "instances", "zone", "credentials"} <= set(facts) <= documented_keys


def test_the_module_is_formatted(cloud: str, tmp_path: Path) -> None:
    if library_path() is None:
        pytest.skip("the engine is not installed: pip install 'skytf[engine]'")
    formatted = subprocess.run(
        [
            sys.executable,
            "-m",
            "skytf.runner.shim",
            "fmt",
            "-check",
            "-diff",
            "-no-color",
            str(terraform_dir() / cloud),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (formatted.returncode, formatted.stdout) == (0, "")
