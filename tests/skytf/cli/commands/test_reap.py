from __future__ import annotations

import pytest

from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


def test_by_default_it_takes_ones_own_and_does_not_ask(run: Run, client: FakeClient) -> None:
    result = run("reap")

    assert result.exit_code == 0
    assert client.named("reap") == [(False, False, False)]
    assert "removed: client dead" in result.stdout


def test_a_dry_run_removes_nothing_and_does_not_ask(run: Run, client: FakeClient) -> None:
    result = run("reap", "--dry-run", "--force")

    assert client.named("reap") == [(True, False, True)]
    assert "removed" not in result.stdout


@pytest.mark.parametrize("flag", ["--force", "--all-owners"])
def test_what_may_belong_to_somebody_needs_a_yes(run: Run, client: FakeClient, flag: str) -> None:
    result = run("reap", flag)

    assert result.exit_code == 2
    assert client.named("reap") == []


def test_yes_is_an_answer(run: Run, client: FakeClient) -> None:
    run("reap", "--force", "--all-owners", "-y")

    assert client.named("reap") == [(False, True, True)]


def test_nothing_found_is_said(run: Run, client: FakeClient) -> None:
    client.fleets = []
    client.unsearched = []

    assert run("reap").stdout == "Nothing to reap.\n"


def test_a_cloud_that_was_not_searched_is_named_with_what_to_do(run: Run) -> None:
    result = run("reap")

    assert result.exit_code == 0
    assert "not searched: aws  not signed in to AWS\n  Next: aws sso login\n" in result.stdout


def test_nothing_found_is_not_said_of_clouds_that_were_not_searched(run: Run, client: FakeClient) -> None:
    client.fleets = []

    assert run("reap").stdout.startswith("Nothing to reap where these credentials could look.\nnot searched: aws")
