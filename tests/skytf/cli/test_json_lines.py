"""docs/cli.md is the schema: every kind that is written has exactly the fields that the page lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from skytf.cli.lines import fields_of
from skytf.doctor import Check
from skytf.errors import InputError, PolicyDenied
from skytf.model.policy import Violation
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import INCOMPLETE, FakeClient
from tests.skytf.cli.results import DIFFERENT

DIFFERENT_PRICES = Path(__file__).parents[1] / "catalog" / "dearer"
PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def documented(heading: str, *, column: int) -> dict[str, set[str]]:
    """Return name → fields of the table under *heading*."""
    section = PAGE.split(heading)[1]
    table = section[section.index("|---|") :].split("\n\n")[0].splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[column])) for row in rows}


KINDS = documented("## JSON Lines", column=2)
OBJECTS = documented("Inside them:", column=1)


def check(line: dict[str, Any]) -> None:
    """Assert that *line* and the objects in it are as documented."""
    kind = line.pop("kind")
    assert set(line) == KINDS[kind], kind
    for path, fields in OBJECTS.items():
        head, *rest = path.split(".")
        found = [line] if head == kind else []
        for step in rest:
            inside = [outer[step.removesuffix("[]")] for outer in found]
            found = [one for inner in inside for one in inner] if step.endswith("[]") else inside
        assert all(set(one) == fields for one in found), path


EVERYTHING = [
    ("cp", "a", "b", "--yes"),
    ("plan", "a", "b", "--out", "somewhere"),
    ("resume",),
    ("transfers",),
    ("report",),
    ("reap",),
    ("verify", "a", "b"),
    ("permissions", "aws"),
    ("doctor",),
    ("diff", "old", "new"),
    ("catalog", "show"),
    ("catalog", "show", "timings"),
    ("catalog", "diff", str(DIFFERENT_PRICES)),
]


def test_every_kind_that_is_written_has_exactly_the_documented_fields(run: Run, client: FakeClient) -> None:
    client.ending = INCOMPLETE
    written: list[dict[str, Any]] = [line for arguments in EVERYTHING for line in lines_of(run(*arguments, "--json"))]
    client.ending = None
    written += lines_of(run("resume", "--json"))
    client.error = InputError("x", hint="y")
    written += lines_of(run("cp", "a", "b", "--yes", "--json"))
    client.error = PolicyDenied("x", violations=(Violation("max_usd", "", "2 USD", "1 USD", "policy.yaml"),))
    written += lines_of(run("cp", "a", "b", "--yes", "--json"))

    kinds = {line["kind"] for line in written}
    for line in written:
        check(line)

    assert kinds == set(KINDS)


@pytest.mark.parametrize("arguments", EVERYTHING, ids=lambda arguments: arguments[0])
def test_json_is_ascii_and_standard_error_stays_empty(run: Run, client: FakeClient, arguments: tuple[str, ...]) -> None:
    client.ending = INCOMPLETE
    client.comparisons = [DIFFERENT]
    client.checks = [Check("größe\x1b", "fail", "x", "y")]

    result = run(*arguments, "--json")

    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_only_dataclasses_have_fields() -> None:
    with pytest.raises(TypeError, match="not a dataclass: int"):
        fields_of(1)
