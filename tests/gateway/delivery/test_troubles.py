from __future__ import annotations

from gateway.delivery.events import Events
from gateway.delivery.troubles import Troubles


def test_the_last_errors_are_kept_and_all_are_counted() -> None:
    troubles = Troubles(retained=3, clock=lambda: 1_700_000_000.12345)

    for number in range(5):
        troubles.add("failed" if number % 2 else "refused", f"key{number}", "no", "wait")

    told = troubles.read()
    assert told["counts"] == {"refused": 3, "failed": 2}
    assert [error["number"] for error in told["errors"]] == [3, 4, 5]
    assert told["errors"][0] == {
        "number": 3,
        "at_s": 1_700_000_000.123,
        "kind": "refused",
        "about": "key2",
        "error": "no",
        "hint": "wait",
    }


def test_what_is_known_already_is_not_told_again() -> None:
    troubles = Troubles()
    for _ in range(4):
        troubles.add("peer", "b", "gone")

    assert [error["number"] for error in troubles.read(after=2)["errors"]] == [3, 4]


def test_events_that_are_errors_outlive_the_log() -> None:
    events = Events(retained=1)

    events.emit(
        "failed", shard_id="s", destination=0, key="k", error="no such object", hint="look", code="ObjectMissing"
    )
    events.emit("fatal", error="write-0: disk on fire", hint="")
    for _ in range(9):
        events.emit("peer", gateway="b", up=True)

    told = events.troubles.read()
    assert [(one["kind"], one["about"], one["error"]) for one in told["errors"]] == [
        ("failed", "k", "no such object"),
        ("fatal", "", "write-0: disk on fire"),
    ]
