"""Hold a bundle against the rules of policy files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from skytf.bundle import Bundle
from skytf.errors import PolicyDenied
from skytf.policy.checks import check, not_checked
from skytf.policy.facts import facts_of
from skytf.policy.file import load
from skytf.policy.rules import Policy

__all__ = ["Policy", "enforce", "load", "load_all"]

Rules = Sequence[tuple[str, Policy]]


def load_all(paths: Sequence[str | Path]) -> Rules:
    """
    Return name and rules of each policy file.

    Raises:
        InputError: One of them is none.
    """
    return [(str(path), load(Path(path))) for path in paths]


def enforce(
    rules: Rules,
    bundle: Bundle,
    *,
    operator_cidr: str | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> None:
    """
    Check that *bundle* keeps all *rules*; *warn* hears what could not be checked.

    Args:
        rules: From `load_all`; every file must be kept, none overrules another.
        bundle: Of `skytf plan`.
        operator_cidr: Who will reach SSH, empty where that is asked for, None where nobody applies yet.
        warn: Called once for each thing.

    Raises:
        PolicyDenied: It breaks some; the message and ``violations`` name them all.
        Refused: Its plan.json is broken.
    """
    if not rules:
        return
    facts = facts_of(bundle, operator_cidr)
    broken = [replace(one, policy=name) for name, policy in rules for one in check(policy, facts)]
    for note in dict.fromkeys(note for _, policy in rules for note in not_checked(policy, facts)):
        warn(note)
    if not broken:
        return
    names = ", ".join(dict.fromkeys(one.policy for one in broken))
    number = "1 rule is broken" if len(broken) == 1 else f"{len(broken)} rules are broken"
    hint = (
        "change what is asked for, or have the policy changed by who may; docs/policy.md says what each rule compares"
    )
    if facts.planned is None and any(one.where == "plan.json" for one in broken):
        hint = "plan online: without plan.json some rules cannot be checked"
    raise PolicyDenied(f"{names} says no: {number}", hint=hint, violations=tuple(broken))
