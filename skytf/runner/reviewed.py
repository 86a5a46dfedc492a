"""``terraform show -json`` as it stands in a bundle, and whether a plan is still the one that was reviewed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from skytf.errors import Refused

# Kept because they say what will be; what is dropped changes with the day (timestamp), with the engine (its version and
# figures it added later) or with what happens to exist already (prior_state, resource_drift, relevant_attributes).
_KEPT = (
    "checks",
    "configuration",
    "format_version",
    "output_changes",
    "planned_values",
    "resource_changes",
    "variables",
)
_MAX_NAMED = 20
_NO_CHANGE = (["no-op"], ["read"])
_REPLACED = ("delete", "create")


def normalise_plan(show_json: Mapping[str, Any], *, workdir: Path | None = None) -> bytes:
    """
    Return the reviewable part of a plan, the same on every machine; ends in a newline.

    Args:
        show_json: What `Terraform.show_json` returned for a plan with placeholders. A real plan holds secrets.
        workdir: Where it was planned; written as ``.`` wherever a value contains it.
    """
    kept = {name: show_json[name] for name in _KEPT if name in show_json}
    text = json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False)
    if workdir is not None:
        text = text.replace(json.dumps(str(workdir), ensure_ascii=False)[1:-1], ".")
    return text.encode() + b"\n"


def actions(show_json: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return address → what will be done to it, for everything to which something will be."""
    changes = show_json.get("resource_changes") or ()
    return {
        str(one["address"]): tuple(one["change"]["actions"])
        for one in changes
        if one["change"]["actions"] not in _NO_CHANGE
    }


def check_same_plan(reviewed: bytes | None, again: bytes) -> None:
    """
    Check that planning with placeholders gave ``plan.json`` *again*.

    Raises:
        Refused: It did not, or the bundle was planned offline (*reviewed* is None).
    """
    if reviewed is None:
        raise Refused("the bundle has no plan.json: it was planned offline", hint="plan online and review that")
    if reviewed == again:
        return
    try:
        check_same_actions(reviewed, json.loads(again))
        old, new = json.loads(reviewed), json.loads(again)
        parts = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"plan.json is broken: {error}", hint="plan again") from error
    raise Refused(
        f"Terraform plans something else than what was reviewed: {', '.join(parts) or 'layout'} of plan.json differs",
        hint="plan again and compare plan.json, or take the reviewed one back from version control",
    )


def check_same_actions(reviewed: bytes, real: Mapping[str, Any]) -> None:
    """
    Check that the *real* plan does to the same addresses what the reviewed one did.

    Raises:
        Refused: It does not; the message names the addresses.
    """
    old, new = actions(json.loads(reviewed)), actions(real)
    _refuse({address for address in old.keys() | new.keys() if old.get(address) != new.get(address)}, old, new)


def check_rest_of_plan(reviewed: bytes, real: Mapping[str, Any]) -> None:
    """
    Check that the *real* plan goes on where an apply of the reviewed one failed midway.

    What stands already may be missing from it, and what was half made may be made anew.

    Raises:
        Refused: It does more; the message names the addresses.
    """
    old, new = actions(json.loads(reviewed)), actions(real)
    anew = {one: (one, _REPLACED) for one in set(old.values())}
    _refuse({address for address in new if new[address] not in anew.get(old.get(address, ()), ())}, old, new)


def _refuse(addresses: Iterable[str], old: Mapping[str, tuple[str, ...]], new: Mapping[str, tuple[str, ...]]) -> None:
    if differing := sorted(addresses):
        named = ", ".join(
            f"{address} (reviewed: {_words(old.get(address))}, now: {_words(new.get(address))})"
            for address in differing[:_MAX_NAMED]
        )
        more = f" and {len(differing) - _MAX_NAMED} more" if len(differing) > _MAX_NAMED else ""
        raise Refused(
            f"Terraform plans something else than what was reviewed: {named}{more}",
            hint="plan again, or take the reviewed plan.json back from version control",
        )


def _words(actions_there: tuple[str, ...] | None) -> str:
    return "nothing" if actions_there is None else " and ".join(actions_there)
