from __future__ import annotations

from pathlib import Path

import pytest

from skytf.model.copy import ApplyOptions, Target
from skytf.model.rehearsal import Rehearsing
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    (tmp_path / "transfer.json").write_text("{}")
    return str(tmp_path)


def test_a_bundle_is_applied_as_it_is_without_a_question(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle)

    assert result.exit_code == 0
    assert client.named("apply") == [Path(bundle)]
    assert client.named("plan") == []


def test_source_and_destinations_are_planned_first(run: Run, client: FakeClient) -> None:
    result = run("apply-transfer", "/data", "s3://b", "s3://c", "--yes")

    ((copies, _, _),) = client.named("plan")
    assert result.exit_code == 0
    assert copies[0].destinations == (Target("s3://b"), Target("s3://c"))
    assert len(client.named("apply")) == 1


def test_options_cannot_change_a_bundle(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, "--instances", "2", "--shape", "local:a->local:b=link=1")

    assert result.exit_code == 2
    assert f"--instances, --shape cannot change {bundle}" in result.stderr
    assert client.calls == []


def test_how_the_fleet_is_reached_is_said_beside_a_bundle(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, "--operator-cidr", "198.51.100.7/32", "--backend", "state.toml")

    assert result.exit_code == 0
    assert client.named("apply") == [Path(bundle)]
    assert client.named("applying") == [ApplyOptions(operator_cidr="198.51.100.7/32", backend="state.toml")]


def test_variables_do_not_stand_in_the_way_of_a_bundle(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, env={"SKYTF_INSTANCES": "2"})

    assert result.exit_code == 0


def test_a_bundle_comes_alone(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, "s3://b")

    assert result.exit_code == 2
    assert "not also s3://b" in result.stderr
    assert client.calls == []


@pytest.mark.parametrize("name", ["nowhere", "s3://b/x"])
def test_one_argument_that_is_nothing_is_wrong_usage(run: Run, name: str) -> None:
    result = run("apply-transfer", name)

    assert result.exit_code == 2
    assert f"{name} is neither a bundle nor followed by a destination" in result.stderr


def test_a_directory_that_is_no_bundle_is_named(run: Run, tmp_path: Path) -> None:
    result = run("apply-transfer", str(tmp_path))

    assert result.exit_code == 2
    assert f"{tmp_path} is no bundle: it holds no transfer.json" in result.stderr


def test_a_dry_run_of_a_broken_bundle_says_what_is_wrong(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, "--dry-run")

    assert result.exit_code == 7
    assert client.named("apply") == []


def test_a_path_that_cannot_be_looked_at_is_wrong_input(run: Run) -> None:
    result = run("apply-transfer", "a" * 5000)

    assert result.exit_code == 2
    assert "File name too long" in result.stderr


def test_a_bundle_is_rehearsed_and_not_applied(run: Run, client: FakeClient, bundle: str) -> None:
    result = run("apply-transfer", bundle, "--rehearse", "--rehearse-rate", "100", "--rehearse-bytes", "1MiB")

    assert result.exit_code == 0
    assert client.named("rehearse") == [Path(bundle)]
    assert client.named("rehearsing") == [Rehearsing(rate_mbps=100.0, size_bytes=1 << 20)]
    assert client.named("apply") == []


def test_what_is_planned_in_one_step_is_rehearsed_without_a_question(run: Run, client: FakeClient) -> None:
    result = run("apply-transfer", "/data", "s3://b", "--rehearse")

    assert result.exit_code == 0
    assert len(client.named("plan")) == len(client.named("rehearse")) == 1
    assert client.named("rehearsing") == [Rehearsing()]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--rehearse", "--backend", "state.toml"), "--backend means nothing to a rehearsal"),
        (("--rehearse", "--operator-cidr", "198.51.100.7/32"), "--operator-cidr means nothing to a rehearsal"),
        (("--rehearse", "--instances", "2"), "--instances cannot change"),
        (("--rehearse-rate", "100"), "--rehearse-rate is for a rehearsal"),
        (("--rehearse-bytes", "1GB"), "--rehearse-bytes is for a rehearsal"),
        (("--rehearse", "--rehearse-rate", "0"), "0"),
    ],
)
def test_what_a_rehearsal_has_no_use_for_is_refused(
    run: Run, client: FakeClient, bundle: str, flags: tuple[str, ...], words: str
) -> None:
    result = run("apply-transfer", bundle, *flags)

    assert result.exit_code == 2
    assert words in result.stderr
    assert client.calls == []
