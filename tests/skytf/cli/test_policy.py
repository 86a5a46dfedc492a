"""Plans that a policy does not allow, as the command line tells them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from skytf.bundle import Bundle
from skytf.model.copy import ApplyOptions
from tests.policy.bundles import BUNDLES
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import FakeClient

Write = Callable[..., str]


@pytest.fixture
def policy(tmp_path: Path) -> Write:
    """Write a policy with some rules; return its path."""

    def write(name: str = "policy.yaml", **rules: object) -> str:
        (tmp_path / name).write_text(json.dumps({"skytf_policy": rules}))
        return str(tmp_path / name)

    return write


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """What the client plans, whatever it is asked for."""
    monkeypatch.setattr(FakeClient, "plan", lambda *_, **__: BUNDLES["usual"])
    return BUNDLES["usual"]


def test_a_plan_that_keeps_the_policy_is_shown_as_ever(run: Run, planned: Bundle, policy: Write) -> None:
    result = run("plan", "a", "b", "--policy", policy(max_usd=200))

    assert result.exit_code == 0
    assert result.stderr == ""


def test_each_rule_that_is_broken_is_told_with_the_value_and_the_exit_code_is_8(
    run: Run, planned: Bundle, policy: Write
) -> None:
    one, other = policy("a.yaml", max_usd=199), policy("b.yaml", spot="required")

    result = run("plan", "a", "b", "--out", "somewhere", "--policy", one, "--policy", other)

    assert result.exit_code == 8
    assert "Bundle: somewhere" in result.stdout  # it is there to be looked at
    assert f"Error: {one}, {other} says no: 3 rules are broken" in result.stderr
    assert f"{one}: max_usd: found 200.0000 USD (high), allowed at most 199 USD (high)" in result.stderr
    assert f"{other}: spot of gcp:us-central1: found no spot, allowed required" in result.stderr
    assert "Next: " in result.stderr


def test_scripts_get_a_line_for_each_and_the_error_last(run: Run, planned: Bundle, policy: Write) -> None:
    path = policy(max_usd=199, max_instances=1)

    *_, first, second, error = lines_of(run("plan", "a", "b", "--policy", path, "--json"))

    assert [one["kind"] for one in (first, second, error)] == ["violation", "violation", "error"]
    assert first == {
        "kind": "violation",
        "policy": path,
        "rule": "max_instances",
        "where": "",
        "found": "2",
        "allowed": "at most 1",
    }
    assert (error["type"], error["exit_code"], len(error["diagnostics"])) == ("PolicyDenied", 8, 2)


def test_a_variable_names_policies_too(run: Run, planned: Bundle, policy: Write) -> None:
    files = f"{policy('a', max_usd=200)} {policy('b', max_instances=1)}"

    result = run("plan", "a", "b", env={"SKYTF_POLICY": files})

    assert result.exit_code == 8
    assert "max_instances: found 2" in result.stderr


@pytest.mark.parametrize(
    "command", [("plan", "a", "b"), ("cp", "a", "b", "--yes"), ("apply-transfer", "a", "b", "--yes")], ids=" ".join
)
def test_a_typo_is_told_before_anything_is_done(
    run: Run, client: FakeClient, policy: Write, command: tuple[str, ...]
) -> None:
    path = policy(max_instance=1)

    result = run(*command, "--policy", path)

    assert result.exit_code == 2
    assert f"the policy {path} line 1: there is no rule max_instance" in result.stderr
    assert "did you mean max_instances?" in result.stderr
    assert client.named("plan") == []


def test_cp_hands_the_policies_to_the_client(run: Run, client: FakeClient, policy: Write) -> None:
    path = policy(max_usd=1)

    run("cp", "a", "b", "--yes", "--policy", path)

    assert client.named("applying") == [ApplyOptions(policies=(path,))]


@pytest.mark.parametrize("command", ["cp", "apply-transfer"])
def test_a_dry_run_says_what_a_policy_would(run: Run, planned: Bundle, policy: Write, command: str) -> None:
    path = policy(operator_prefix=32)

    result = run(command, "a", "b", "--dry-run", "--policy", path, "--operator-cidr", "203.0.113.0/24")

    assert result.exit_code == 8
    assert "SSH is open to 203.0.113.0/24" in result.stderr


def test_a_policy_stands_beside_a_bundle(run: Run, client: FakeClient, policy: Write, tmp_path: Path) -> None:
    (tmp_path / "transfer.json").write_text("{}")
    path = policy(max_usd=1)

    result = run("apply-transfer", str(tmp_path), "--policy", path)

    assert result.exit_code == 0
    assert client.named("applying") == [ApplyOptions(policies=(path,))]


def test_resume_keeps_the_policies_that_it_is_not_given(run: Run, client: FakeClient, policy: Write) -> None:
    run("resume")
    run("resume", "--policy", policy(max_usd=1))

    assert ["policies" in one for one in client.named("changing")] == [False, True]


def test_what_could_not_be_checked_is_a_warning(run: Run, planned: Bundle, policy: Write) -> None:
    result = run("plan", "a", "b", "--policy", policy(operator_prefix=32))

    assert result.exit_code == 0
    assert "operator_prefix is checked where the fleet is created" in result.stderr
