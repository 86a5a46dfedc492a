"""A policy stands between a plan and a fleet, wherever one could be created."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands import assert_plain, skytf
from tests.e2e.trees import contents


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with a source of 3 bytes, ``in``, and a policy that no transfer of two gateways keeps."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("abc")
    (tmp_path / "strict.yaml").write_text("skytf_policy:\n  max_instances: 1\n  max_bytes: 2\n")
    (tmp_path / "wide.yaml").write_text("skytf_policy:\n  max_instances: 2\n  allowed_destinations: ['*/out/']\n")
    (tmp_path / "typo.yaml").write_text("skytf_policy:\n  max_instance: 1\n")
    return tmp_path


def test_a_plan_that_a_policy_denies_is_there_to_be_looked_at_and_creates_nothing(home: Path, root: Path) -> None:
    said = skytf(home, "plan", "in", "out", "-r", "--out", "bundle", "--policy", "strict.yaml", cwd=root)

    assert_plain(said, 8, "strict.yaml says no: 2 rules are broken", "max_instances: found 2, allowed at most 1")
    assert "max_bytes: found 3 bytes, allowed at most 2 bytes" in said.stderr
    assert {"PLAN.md", "plan.json", "transfer.json"} <= contents(root / "bundle").keys()
    assert not (root / "out").exists()


def test_a_bundle_that_was_planned_without_a_policy_is_held_against_it_when_it_is_applied(
    home: Path, root: Path
) -> None:
    planned = skytf(home, "plan", "in", "out", "-r", "--out", "bundle", cwd=root)

    denied = skytf(home, "apply-transfer", "bundle", "--policy", "strict.yaml", cwd=root)
    left = skytf(home, "transfers", cwd=root)
    applied = skytf(home, "apply-transfer", "bundle", "--policy", "wide.yaml", cwd=root)

    assert planned.returncode == 0, planned.stderr
    assert_plain(denied, 8, "max_instances: found 2, allowed at most 1")
    assert str(root) not in left.stdout
    assert applied.returncode == 0, applied.stderr
    assert contents(root / "out") == {"a": b"abc"}


def test_cp_asks_the_policy_before_it_creates_anything(home: Path, root: Path) -> None:
    said = skytf(home, "cp", "in", "out", "-r", "-y", "--policy", "strict.yaml", cwd=root)

    assert_plain(said, 8, "max_bytes: found 3 bytes")
    assert not (root / "out").exists()


def test_a_typo_in_a_policy_is_wrong_input(home: Path, root: Path) -> None:
    said = skytf(home, "plan", "in", "out", "-r", "--out", "bundle", "--policy", "typo.yaml", cwd=root)

    assert_plain(said, 2, "typo.yaml line 2: there is no rule max_instance", "Next: did you mean max_instances?")
    assert not (root / "bundle").exists()
