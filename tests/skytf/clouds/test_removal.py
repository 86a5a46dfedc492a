"""Removing in order: kind after kind, everything is tried."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from skytf.clouds.removal import in_order, remove_fleet
from skytf.clouds.rest import CloudDenied
from skytf.clouds.tags import OWNER, TRANSFER, Tagged
from skytf.errors import SkytfError

VM = Tagged("VM", "web", "here", {})
OTHER_VM = Tagged("VM", "data", "here", {})
NETWORK = Tagged("network", "net", "", {})


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skytf.clouds.removal._FIRST_PAUSE_S", 0.001)


def test_kinds_go_one_after_the_other_and_what_was_there_is_said() -> None:
    gone: list[Tagged] = []

    def remove(one: Tagged) -> bool:
        gone.append(one)
        return one is not OTHER_VM

    removed = in_order([NETWORK, VM, OTHER_VM], {"VM": remove, "network": remove})

    assert removed == ("VM web in here", "network net")
    assert gone[-1] is NETWORK


def test_what_fails_is_raised_after_everything_was_tried() -> None:
    gone: list[Tagged] = []

    def refuse(one: Tagged) -> bool:
        raise CloudDenied(f"{one.name} stays", hint="ask for more")

    def remove(one: Tagged) -> bool:
        gone.append(one)
        return True

    with pytest.raises(CloudDenied, match=r"data stays \(and 1 more\)|web stays \(and 1 more\)") as raised:
        in_order([NETWORK, VM, OTHER_VM], {"VM": refuse, "network": remove})

    assert raised.value.hint == "ask for more"
    assert gone == [NETWORK]


def test_what_is_held_is_tried_again_until_it_is_free() -> None:
    refusals = iter(range(3))

    def remove(one: Tagged) -> bool:
        if next(refusals, None) is not None:
            raise SkytfError("it is in use")
        return True

    assert in_order([VM], {"VM": remove}, held=["in use"]) == ("VM web in here",)


def test_what_is_held_for_good_is_an_error() -> None:
    tries: list[Tagged] = []

    def remove(one: Tagged) -> bool:
        tries.append(one)
        raise SkytfError("it is in use")

    with pytest.raises(SkytfError, match="in use"):
        in_order([VM], {"VM": remove}, held=["in use"])

    assert len(tries) == 7


def test_what_is_refused_for_another_reason_is_not_tried_again() -> None:
    tries: list[Tagged] = []

    def remove(one: Tagged) -> bool:
        tries.append(one)
        raise SkytfError("it is locked")

    with pytest.raises(SkytfError, match="locked"):
        in_order([VM], {"VM": remove}, held=["in use"])

    assert len(tries) == 1


def test_what_still_stands_after_it_was_removed_is_named() -> None:
    ours = [Tagged("VM", name, "here", {TRANSFER: "t-1", OWNER: "me"}) for name in ("web", "data")]
    others = Tagged("VM", "theirs", "here", {TRANSFER: "t-1", OWNER: "somebody"})

    def remove(these: Sequence[Tagged]) -> tuple[str, ...]:
        assert list(these) == ours
        return ("VM web",)

    with pytest.raises(SkytfError, match="A cloud still has of transfer t-1: VM web in here, VM data") as raised:
        remove_fleet("A cloud", lambda: [*ours, others], remove, transfer_id="t-1", owner="me")

    assert "skytf reap" in raised.value.hint
