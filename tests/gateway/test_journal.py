from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.journal import Journal, OpenUpload, Progress
from gateway.shard import Entry, Shard


def shard(shard_id: str, *keys: str, destinations: tuple[int, ...] = (0,)) -> Shard:
    return Shard(shard_id, "job", tuple(Entry(key, key, 1, "v") for key in keys), destinations)


def failed(shard_id: str, key: str) -> dict[str, Any]:
    return {"kind": "failed", "shard_id": shard_id, "destination": 0, "key": key, "error": "no", "hint": ""}


@given(st.permutations(range(12)))
def test_the_watermark_is_the_first_gap_whatever_the_order(order: list[int]) -> None:
    progress = Progress(12)

    for count, index in enumerate(order, start=1):
        progress.settle(index)

        seen = set(order[:count])
        assert progress.watermark == next(n for n in range(13) if n not in seen)
        assert progress.beyond == {n for n in seen if n > progress.watermark}
    assert progress.done


def test_settling_twice_is_no_news() -> None:
    progress = Progress(3)

    assert [progress.settle(0), progress.settle(0), progress.settle(2), progress.settle(2)] == [
        True,
        False,
        True,
        False,
    ]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.begin(shard("s1", "a", "b", "c", "d", destinations=(0, 1)))
    journal.mark("s1", 0, "b", ["d"])
    journal.event(failed("s1", "b"))
    journal.event({"kind": "shard_done", "shard_id": "s1"})
    journal.close()

    state = Journal.read(path)

    assert [key for key in "abcd" if state.is_settled("job", 0, key)] == ["a", "d"]
    assert not any(state.is_settled("job", 1, key) for key in "abcd")
    assert not state.is_settled("other", 0, "a")
    assert (state.shards["s1"].first_key, state.shards["s1"].last_key, state.shards["s1"].done) == ("a", "d", True)
    assert state.shards["s1"].settled[0].failed == {"b": "no"}


def test_keys_above_the_watermark_are_forgotten_once_it_passes_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin(shard("s1", "a", "b", "c"))
    journal.mark("s1", 0, None, ["b", "c"])
    journal.mark("s1", 0, "c", [])
    journal.close()

    state = Journal.read(tmp_path / "journal")

    assert state.shards["s1"].settled[0].beyond == set()
    assert state.is_settled("job", 0, "b")


def test_a_later_shard_makes_good_what_failed_in_an_earlier_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin(shard("s1", "a", "b", "c"))
    journal.event(failed("s1", "b"))
    journal.mark("s1", 0, "c", [])
    journal.begin(shard("s2", "b"))
    journal.mark("s2", 0, "b", [])
    journal.close()

    state = Journal.read(tmp_path / "journal")

    assert all(state.is_settled("job", 0, key) for key in "abc")


def test_keys_are_ordered_by_their_utf8_bytes(tmp_path: Path) -> None:
    keys = sorted(["z", "é", "\uffff", "\U00010000"], key=str.encode)
    journal = Journal(tmp_path / "journal")
    journal.begin(shard("s1", *keys))
    journal.mark("s1", 0, keys[2], [])
    journal.close()

    state = Journal.read(tmp_path / "journal")

    assert [state.is_settled("job", 0, key) for key in keys] == [True, True, True, False]


def test_ranges_of_many_shards_are_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for number in range(0, 1000, 10):
        keys = [f"{n:04}" for n in range(number, number + 10)]
        journal.begin(shard(f"s{number}", *keys))
        journal.mark(f"s{number}", 0, keys[4], [])
    journal.close()

    state = Journal.read(tmp_path / "journal")

    assert [n for n in range(1000) if state.is_settled("job", 0, f"{n:04}")] == [n for n in range(1000) if n % 10 < 5]


def test_a_torn_last_line_says_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.begin(shard("s1", "a", "b"))
    journal.mark("s1", 0, "a", [])
    journal.close()
    with path.open("ab") as file:
        file.write('{"mark":"s1","destination":0,"watermark":"ü'.encode()[:-1])

    after = Journal(path)
    after.mark("s1", 0, None, ["c"])
    after.close()
    state = Journal.read(path)

    assert [key for key in "abc" if state.is_settled("job", 0, key)] == ["a", "c"]


def test_uploads_that_nobody_closed_are_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for token in ("t1", "t2"):
        journal.event({"kind": "opened", "shard_id": "s1", "destination": 0, "key": "to/k", "token": token})
    journal.event({"kind": "closed", "destination": 0, "key": "to/k", "token": "t1"})
    journal.close()

    assert Journal.read(tmp_path / "journal").open_uploads == (OpenUpload(0, "to/k", "t2", "s1"),)


def test_a_journal_is_private_and_a_missing_one_empty(tmp_path: Path) -> None:
    Journal(tmp_path / "journal").close()

    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o600
    assert not Journal.read(tmp_path / "missing").shards
