"""One table of policies and bundles, held against --policy and against the Rego rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from skytf.model.policy import Violation
from skytf.policy.checks import RULES, check
from skytf.policy.facts import facts_of
from skytf.policy.modules import modules_json
from skytf.policy.rules import Encryption, Policy
from tests.policy import rego
from tests.policy.bundles import BUNDLES

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
BY_NAME = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['bundle']}: {case['policy']}")


def expected(case: dict[str, Any]) -> set[tuple[str, str]]:
    return {(rule, where) for rule, _, where in (one.partition(" @ ") for one in case["broken"])}


def python(bundle: str, policy: dict[str, Any]) -> tuple[Violation, ...]:
    return check(Policy.model_validate(policy), facts_of(BUNDLES[bundle]))


@BY_NAME
def test_python_finds_exactly_what_is_broken(case: dict[str, Any]) -> None:
    found = python(case["bundle"], case["policy"])

    assert {(one.rule, one.where) for one in found} == expected(case)
    assert all(one.found and one.allowed for one in found)


@BY_NAME
def test_rego_finds_exactly_what_is_broken(case: dict[str, Any]) -> None:
    found = rego.broken(BUNDLES[case["bundle"]], case["policy"])

    assert found == expected(case)


def test_every_rule_is_broken_by_some_case_and_every_bundle_is_in_one() -> None:
    rules = {rule for case in CASES for rule, _ in expected(case)}
    switches = {
        "allow_unknown_cost",
        "operator_prefix",
        "encryption",
    }  # no rules by themselves, or of the one who applies

    assert rules >= set(Policy.model_fields) - switches
    assert rules >= {f"encryption.{name}" for name in Encryption.model_fields}
    assert {case["bundle"] for case in CASES} == BUNDLES.keys()
    assert len(RULES) == len(set(RULES))


def test_what_rego_knows_of_the_modules_is_what_they_are() -> None:
    """policy/README.md has the command that writes it."""
    assert (rego.POLICY / "modules.json").read_bytes() == modules_json()


@pytest.mark.parametrize(
    ("policy", "where"),
    [
        ({"max_instance": 1}, "max_instance"),
        ({"encryption": {"disk": "required"}}, "disk"),
        ({"max_usd": None}, "max_usd"),
        ({"max_usd": "2000"}, "max_usd"),
        ({"max_usd": {}}, "max_usd"),
        ({"max_usd": {"hihg": 2}}, "max_usd"),
        ({"max_instances": "2"}, "max_instances"),
        ({"max_bytes": "much"}, "max_bytes"),
        ({"spot": "forbiden"}, "spot"),
        ({"allow_unknown_cost": 1}, "allow_unknown_cost"),
        ({"allowed_regions": "aws:*"}, "allowed_regions"),
        ({"allowed_regions": []}, "allowed_regions"),
        ({"allowed_instance_types": {"asw": ["*"]}}, "allowed_instance_types"),
        ({"allowed_instance_types": {"aws": "m5.*"}}, "allowed_instance_types"),
        ({"required_tags": {"team": 7}}, "required_tags"),
        ({"encryption": {"disks": "yes"}}, "encryption"),
        ({"encryption": {}}, "encryption"),
        ({}, ""),
        (["max_usd"], ""),
        (None, ""),
    ],
)
def test_rego_lets_nothing_pass_that_is_no_policy(policy: Any, where: str) -> None:
    found = rego.broken(BUNDLES["usual"], policy)

    assert [one for one in found if one[0] == "policy"] == [("policy", where)]


def test_rego_wants_the_whole_bundle() -> None:
    from dataclasses import replace

    bundle = BUNDLES["usual"]
    part = replace(bundle, files={name: text for name, text in bundle.files.items() if name != "topology.json"})

    assert ("bundle", "topology.json") in rego.broken(part, {"max_hours": 100})
