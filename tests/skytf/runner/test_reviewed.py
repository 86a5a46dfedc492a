from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skytf.errors import Refused
from skytf.runner.reviewed import actions, check_rest_of_plan, check_same_actions, check_same_plan, normalise_plan


def shown(*changes: tuple[str, list[str]], **more: Any) -> dict[str, Any]:
    return {
        "format_version": "1.2",
        "resource_changes": [{"address": address, "change": {"actions": what}} for address, what in changes],
        **more,
    }


def test_what_changes_with_the_day_the_machine_or_the_engine_is_dropped() -> None:
    here = shown(timestamp="1", terraform_version="1.15", prior_state={}, planned_values={"p": "/work/a b/x"})
    there = shown(timestamp="2", terraform_version="1.11", errored=False, planned_values={"p": "/other/x"})

    first = normalise_plan(here, workdir=Path("/work/a b"))
    second = normalise_plan(there, workdir=Path("/other"))

    assert first == second
    assert first.endswith(b"}\n")
    assert json.loads(first)["planned_values"] == {"p": "./x"}


def test_only_what_is_done_counts_as_an_action() -> None:
    found = actions(shown(("a", ["create"]), ("b", ["no-op"]), ("c", ["delete", "create"]), ("d", ["read"])))

    assert found == {"a": ("create",), "c": ("delete", "create")}


def test_the_same_actions_pass_whatever_the_values() -> None:
    reviewed = normalise_plan(shown(("a", ["create"]), variables={"owner": {"value": "placeholder"}}))

    check_same_actions(reviewed, shown(("a", ["create"]), variables={"owner": {"value": "me"}}))


def test_another_action_is_refused_and_named() -> None:
    reviewed = normalise_plan(shown(("a", ["create"]), ("b", ["create"])))

    with pytest.raises(
        Refused, match=r"a \(reviewed: create, now: delete and create\), b \(reviewed: create, now: noth"
    ):
        check_same_actions(reviewed, shown(("a", ["delete", "create"])))


def test_an_edited_plan_is_refused() -> None:
    again = normalise_plan(shown(("a", ["create"]), planned_values={"size": 1}))
    edited = normalise_plan(shown(("a", ["create"]), planned_values={"size": 2}))

    check_same_plan(again, again)
    with pytest.raises(Refused, match=r"planned_values of plan\.json differs"):
        check_same_plan(edited, again)
    with pytest.raises(Refused, match=r"plan\.json is broken"):
        check_same_plan(b"{", again)


def test_a_bundle_planned_offline_is_refused() -> None:
    with pytest.raises(Refused, match="offline") as caught:
        check_same_plan(None, b"{}")

    assert caught.value.hint.startswith("plan online")


def test_the_rest_of_a_plan_may_miss_what_stands_and_make_anew_what_was_half_made() -> None:
    reviewed = normalise_plan(shown(("a", ["create"]), ("b", ["create"]), ("c", ["create"])))

    check_rest_of_plan(reviewed, shown(("b", ["delete", "create"]), ("c", ["create"])))


@pytest.mark.parametrize("more", [("d", ["create"]), ("a", ["delete"]), ("a", ["update"])])
def test_the_rest_of_a_plan_does_no_more_than_was_reviewed(more: tuple[str, list[str]]) -> None:
    reviewed = normalise_plan(shown(("a", ["create"])))

    with pytest.raises(Refused, match=f"{more[0]} "):
        check_rest_of_plan(reviewed, shown(more))
