from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.errors import InputError, Interrupted, PolicyDenied, Refused, SkytfError
from skytf.model.difference import Change, Difference
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import FakeClient
from tests.skytf.cli.results import DIFFERENCE


def test_a_change_is_a_line_that_says_whether_it_is_new_gone_or_otherwise(run: Run, client: FakeClient) -> None:
    result = run("diff", "old bundle", "new")

    assert client.named("diff") == [(Path("old bundle"), Path("new"))]
    assert result.stdout.splitlines() == [
        "~ infrastructure  gateways in aws:us-east-1: 1 → 2",
        "~ cost            total: $1,812 → $1,640 (−9 %)",  # noqa: RUF001  # a minus sign
        "+ exposure        port 22 of aws:us-east-1, open to: operator",
        "- permissions     gateways in local:a: read s3://a|b by your keys",
        "! planned with skytf 1, then with skytf 2",
    ]
    assert result.exit_code == 2


def test_bundles_that_are_the_same_end_with_0(run: Run, client: FakeClient) -> None:
    client.difference = Difference("00ff")

    assert run("diff", "a", "b").stdout == "Nothing is different.\n"
    assert run("diff", "a", "b").exit_code == 0
    assert run("diff", "a", "b", "--format", "markdown").stdout == "Nothing is different.\n"
    assert lines_of(run("diff", "a", "b", "--json")) == [
        {"kind": "difference", "old": "a", "new": "b", "changes": 0, "notes": []}
    ]


def test_markdown_is_a_table_that_nothing_can_break_out_of(run: Run) -> None:
    result = run("diff", "a", "b", "--format", "markdown")

    assert result.stdout.splitlines() == [
        "**4 changes**",
        "",
        "| | what | before | after |",
        "|---|---|---|---|",
        "| infrastructure | gateways in aws:us-east-1 | `1` | `2` |",
        "| cost | total | `$1,812` | `$1,640 (−9 %)` |",  # noqa: RUF001  # a minus sign
        "| exposure | port 22 of aws:us-east-1, open to |  | `operator` |",
        r"| permissions | gateways in local:a | `read s3://a\|b by your keys` |  |",
        "",
        "_planned with skytf 1, then with skytf 2_",
    ]


def test_markdown_that_would_not_fit_a_comment_is_shortened_between_rows(run: Run, client: FakeClient) -> None:
    rows = tuple(Change("transfer", f"objects of job-{number}", "x" * 100, "y" * 100) for number in range(2_000))
    client.difference = replace(DIFFERENCE, changes=rows)

    text = run("diff", "a", "b", "--format", "markdown").stdout

    shown = sum(line.startswith("| transfer |") for line in text.splitlines())
    assert 60_000 < len(text) < 65_536
    assert f"And {2_000 - shown:,} more: `skytf diff` prints all of them." in text
    assert all(line.endswith(" |") for line in text.splitlines() if line.startswith("| transfer |"))
    assert text.endswith("_planned with skytf 1, then with skytf 2_\n")


def test_json_has_a_line_for_each_change_and_one_in_the_end(run: Run) -> None:
    *changes, last = lines_of(run("diff", "a", "b", "--json"))

    assert [one["section"] for one in changes] == ["infrastructure", "cost", "exposure", "permissions"]
    assert last["changes"] == 4


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no bundle", hint="plan"), 1),
        (Refused("format 1", hint="plan again"), 1),
        (Interrupted("stopped", signal_number=2), 130),
        (PolicyDenied("too dear"), 8),
    ],
)
@pytest.mark.parametrize("arguments", [("diff", "a", "b"), ("plan", "a", "b", "--detailed-exitcode")])
def test_2_says_differs_so_no_error_ends_with_it(
    run: Run, client: FakeClient, arguments: tuple[str, ...], error: SkytfError, code: int
) -> None:
    client.error = error

    assert run(*arguments).exit_code == code
    assert json.loads(run(*arguments, "--json").stdout.splitlines()[-1])["exit_code"] == code
    assert run("plan", "a", "b").exit_code == error.exit_code, "without the switch every error has its own code"


@pytest.mark.parametrize(
    "arguments", [("diff",), ("diff", "--wrong", "a", "b"), ("plan", "--detailed-exitcode", "--wrong")]
)
def test_a_command_line_that_cannot_be_read_is_an_error_too(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 1
    assert run("plan", "--wrong").exit_code == 2
