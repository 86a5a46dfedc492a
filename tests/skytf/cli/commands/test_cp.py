from __future__ import annotations

import pytest

from skytf.model.copy import ApplyOptions, Target
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import INCOMPLETE, FakeBundle, FakeClient


def test_it_plans_applies_what_it_planned_and_sums_up(run: Run, client: FakeClient) -> None:
    result = run("cp", "/data", "s3://b/x", "--yes", "-r")

    ((copies, _, out),) = client.named("plan")
    (bundle,) = client.named("apply")
    assert result.exit_code == 0
    assert (copies[0].source, copies[0].recursive, out) == (Target("/data"), True, None)
    assert bundle == FakeBundle()
    assert result.stdout.startswith("✓ Done")


def test_with_nobody_to_ask_it_is_wrong_usage_before_anything_happens(run: Run, client: FakeClient) -> None:
    result = run("cp", "a", "b")

    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert client.calls == []


def test_json_needs_yes_too(run: Run, client: FakeClient) -> None:
    result = run("cp", "a", "b", "--json")

    (error,) = lines_of(result)
    assert (result.exit_code, error["type"]) == (2, "InputError")
    assert client.calls == []


def test_a_dry_run_asks_nobody_and_creates_nothing(run: Run, client: FakeClient) -> None:
    result = run("cp", "a", "b", "--dry-run")

    assert result.exit_code == 0
    assert "| local:a | 2 |" in result.stdout
    assert client.named("apply") == []


def test_objects_that_did_not_arrive_are_exit_6(run: Run, client: FakeClient) -> None:
    client.ending = INCOMPLETE

    assert run("cp", "a", "b", "--yes").exit_code == 6


def test_off_a_terminal_it_says_a_line_per_phase(run: Run) -> None:
    result = run("cp", "a", "b", "--yes")

    phases = [line.split(":")[0] for line in result.stderr.splitlines()]
    assert phases == ["surveying", "planning", "applying", "deploying", "transferring", "warning", "destroying"]
    assert "\x1b" not in result.output


@pytest.mark.parametrize("flag", ["--dst-region", "--dst-profile", "--dst-endpoint-url"])
def test_too_many_values_for_the_destinations_are_wrong_usage(run: Run, client: FakeClient, flag: str) -> None:
    result = run("cp", "a", "s3://b", "s3://c", flag, "1", flag, "2", flag, "3", "--yes")

    assert result.exit_code == 2
    assert f"{flag} was given 3 times for 2 destinations" in result.stderr
    assert client.named("plan") == []


def test_how_the_fleet_is_reached_goes_with_what_is_applied(run: Run, client: FakeClient) -> None:
    options = ("--operator-cidr", "198.51.100.7/32", "--echo-service", "off", "--ssh-proxy", "jump")

    run("cp", "a", "b", "--yes", *options, "--tree-source", "push", "--backend", "state.toml")

    assert client.named("applying") == [
        ApplyOptions(
            operator_cidr="198.51.100.7/32", echo_service="", ssh_proxy="jump", tree_source="push", backend="state.toml"
        )
    ]


def test_without_wishes_the_model_decides_how_the_fleet_is_reached(run: Run, client: FakeClient) -> None:
    run("cp", "a", "b", "--yes")

    assert client.named("applying") == [ApplyOptions()]
