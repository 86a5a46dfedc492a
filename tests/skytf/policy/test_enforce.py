from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.bundle import PLAN_JSON
from skytf.errors import PolicyDenied, Refused
from skytf.model.policy import Violation
from skytf.model.span import Span
from skytf.policy import enforce, load_all
from skytf.policy.checks import check
from skytf.policy.facts import facts_of
from skytf.policy.modules import module
from skytf.policy.rules import Policy, matches
from tests.policy.bundles import BUNDLES


def policy(path: Path, rules: dict[str, object]) -> Path:
    path.write_text(json.dumps({"skytf_policy": rules}))
    return path


def test_every_file_must_be_kept_and_all_that_is_broken_is_said(tmp_path: Path) -> None:
    first = policy(tmp_path / "first.yaml", {"max_usd": 1, "max_instances": 1})
    second = policy(tmp_path / "second.yaml", {"max_usd": 1_000_000, "spot": "required"})
    third = policy(tmp_path / "third.yaml", {"spot": "forbidden"})

    with pytest.raises(PolicyDenied) as raised:
        enforce(load_all([first, second, third]), BUNDLES["usual"])

    assert [(one.policy, one.rule, one.where) for one in raised.value.violations] == [
        (str(first), "max_instances", ""),
        (str(first), "max_usd", ""),
        (str(second), "spot", "aws:us-east-1"),
        (str(second), "spot", "gcp:us-central1"),
    ]
    assert str(raised.value) == f"{first}, {second} says no: 4 rules are broken"
    assert raised.value.exit_code == 8
    assert raised.value.hint


def test_the_value_found_and_the_value_allowed_are_told() -> None:
    (violation,) = check(Policy.model_validate({"max_usd": 20.5}), facts_of(BUNDLES["usual"]))

    assert violation == Violation("max_usd", "", "200.0000 USD (high)", "at most 20.5 USD (high)")
    assert str(violation) == "max_usd: found 200.0000 USD (high), allowed at most 20.5 USD (high)"


@pytest.mark.parametrize(
    ("total_usd", "most_usd", "found", "allowed"),
    [
        (14126.0, 14125.99, "14,126.0000", "14,125.99"),
        (0.10000004, 0.1, "0.10000004", "0.1"),
        (1234567.125, 1234567, "1,234,567.1250", "1,234,567"),
    ],
)
def test_an_amount_is_told_as_the_policy_has_it_and_what_is_above_it_looks_larger(
    total_usd: float, most_usd: float, found: str, allowed: str
) -> None:
    bundle = BUNDLES["usual"]
    assert bundle.topology.cost is not None
    cost = replace(bundle.topology.cost, total_usd=Span.exactly(total_usd))
    facts = facts_of(replace(bundle, topology=replace(bundle.topology, cost=cost)))

    (violation,) = check(Policy.model_validate({"max_usd": most_usd}), facts)

    assert (violation.found, violation.allowed) == (f"{found} USD (high)", f"at most {allowed} USD (high)")


def test_a_time_limit_is_told_as_the_policy_has_it() -> None:
    bundle = BUNDLES["usual"]
    facts = facts_of(bundle)
    hours = bundle.manifest.request.ttl_minutes / 60

    (violation,) = check(Policy.model_validate({"max_hours": hours - 0.00001}), facts)

    assert violation.allowed == f"at most {hours - 0.00001!r} hours"
    assert float(violation.found.removesuffix(" hours")) > hours - 0.00001


def test_a_cost_that_is_not_known_names_what_is_missing() -> None:
    bundle = BUNDLES["unknown cost"]
    assert bundle.topology.cost is not None
    cost = replace(bundle.topology.cost, unknown=("a: no price known", "b", "c", "d"))
    facts = facts_of(replace(bundle, topology=replace(bundle.topology, cost=cost)))

    (violation,) = check(Policy.model_validate({"max_usd": 20}), facts)

    assert violation.found == "unknown (high): a: no price known; b; c; and 1 more"


def test_without_rules_nothing_is_looked_at() -> None:
    enforce((), replace(BUNDLES["usual"], files={PLAN_JSON: b"broken"}))


def test_a_plan_that_is_broken_is_refused(tmp_path: Path) -> None:
    rules = load_all([policy(tmp_path / "p", {"spot": "forbidden"})])
    broken = replace(BUNDLES["usual"], files={**BUNDLES["usual"].files, PLAN_JSON: b'{"resource_changes": [1]}'})

    with pytest.raises(Refused, match=r"plan\.json is broken"):
        enforce(rules, broken)


def test_what_could_not_be_checked_offline_is_a_warning_or_breaks_the_rule_that_asks_for_it(tmp_path: Path) -> None:
    heard: list[str] = []

    enforce(load_all([policy(tmp_path / "a", {"spot": "forbidden"})]), BUNDLES["offline"], warn=heard.append)
    with pytest.raises(PolicyDenied) as raised:
        enforce(load_all([policy(tmp_path / "b", {"resource_types": ["x"]})]), BUNDLES["offline"], warn=heard.append)

    assert heard == ["planned offline: which resources Terraform makes was not checked"]
    assert raised.value.hint.startswith("plan online")


@pytest.mark.parametrize(
    ("cidr", "broken", "notes"),
    [
        (None, [], ["operator_prefix is checked where the fleet is created: apply-transfer --policy"]),
        ("", [], []),
        ("203.0.113.7/32", [], []),
        ("203.0.113.7", [], []),
        ("203.0.113.0/28", [], []),
        ("203.0.113.0/27", ["operator_prefix"], []),
        ("203.0.0.0/255.255.0.0", ["operator_prefix"], []),
    ],
)
def test_how_wide_ssh_is_open_is_known_when_a_bundle_is_applied(
    tmp_path: Path, cidr: str | None, broken: list[str], notes: list[str]
) -> None:
    rules, heard = load_all([policy(tmp_path / "p", {"operator_prefix": 28})]), list[str]()
    found: tuple[Violation, ...] = ()

    try:
        enforce(rules, BUNDLES["usual"], operator_cidr=cidr, warn=heard.append)
    except PolicyDenied as error:
        found = error.violations

    assert [one.rule for one in found] == broken
    assert heard == notes


def test_a_fleet_on_this_machine_is_reached_by_nobody(tmp_path: Path) -> None:
    rules, heard = load_all([policy(tmp_path / "p", {"operator_prefix": 32})]), list[str]()

    enforce(rules, BUNDLES["this machine"], operator_cidr="10.0.0.0/8", warn=heard.append)
    enforce(rules, BUNDLES["this machine"], warn=heard.append)

    assert heard == []


def test_a_cloud_without_a_table_cannot_show_that_its_disks_are_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(module("aws"), disks=())
    monkeypatch.setattr("skytf.policy.facts.module", lambda cloud: bare if cloud == "aws" else module(cloud))

    found = check(Policy.model_validate({"encryption": {"disks": "required"}}), facts_of(BUNDLES["usual"]))

    assert [(one.rule, one.where) for one in found] == [("encryption.disks", "aws")]


@pytest.mark.parametrize(
    ("text", "glob", "matched"),
    [
        ("aws:eu-west-1", "aws:eu-*", True),
        ("aws:eu-west-1", "aws:eu", False),
        ("m5.8xlarge", "m5?8xlarge", True),
        ("m5.8xlarge", "M5.*", False),
        ("a/b/c", "a*c", True),
        ("a\nb", "a*", True),
        ("a+b", "a+b", True),
        ("aab", "a+b", False),
    ],
)
def test_a_pattern_knows_two_signs_and_matches_the_whole(text: str, glob: str, *, matched: bool) -> None:
    assert matches(text, [glob]) is matched


def test_who_has_no_policy_does_not_pay_for_one() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, skytf.client; print([n for n in ('pydantic', 'skytf.policy') if n in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
