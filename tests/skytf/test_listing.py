from __future__ import annotations

import bz2
import sys
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shard import Entry
from gateway.stores.base import Skipped
from skytf.errors import InputError, Refused
from skytf.listing import MAX_NAMED, Pinning, compare, job_of, name_of, pinned


def entries(keys: str, version: str = "v") -> list[Entry]:
    return [Entry(f"in/{key}", key, 10, version, 1.5) for key in keys]


def listing(rows: list[Entry]) -> bytes:
    pinning = Pinning("/in")
    for row in rows:
        pinning.entry(row)
    return pinning.content()


@given(
    st.lists(st.builds(Entry, st.text(), st.text(), st.integers(0, 2**50), st.text(), st.none() | st.floats(0, 9e9)))
)
def test_what_was_pinned_is_read_back(rows: list[Entry]) -> None:
    assert list(pinned(listing(rows))) == rows


@pytest.mark.parametrize(
    "content",
    [
        b"no bzip2",
        listing(entries("abc"))[:-5],
        *(bz2.compress(line) for line in (b"x\n", b"{}\n", b'["a"]\n', b"[1,2,3,4,5]\n", b"[" * 200_000)),
    ],
)
def test_what_is_no_listing_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="a pinned listing is broken"):
        list(pinned(content))


def test_names_that_were_passed_over_are_remembered_in_their_place() -> None:
    pinning = Pinning("/in")
    pinning.skipped(Skipped("in/link", "symlink"))
    pinning.entry(entries("a")[0])
    heard: list[Skipped] = []

    found = list(pinned(pinning.content(), on_skip=heard.append))

    assert (found, heard) == (entries("a"), [Skipped("in/link", "symlink")])


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """Their digest stands in transfer.json; bzip2 writes neither a time nor a name."""
    content = listing(entries("ab"))

    assert content == bz2.compress(
        b'["in/a","a",10,"v",1.5]\n["in/b","b",10,"v",1.5]\n',
    )


def test_more_objects_than_a_bundle_can_hold_are_one_clear_error() -> None:
    pinning = Pinning("s3://much", most=2)
    *some, one_more = entries("abc")
    for row in some:
        pinning.entry(row)

    with pytest.raises(InputError, match="s3://much holds more than 2 objects") as caught:
        pinning.entry(one_more)

    assert "--source-drift refuse" in caught.value.hint


def test_without_bzip2_only_pinning_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bz2", None)

    with pytest.raises(InputError, match="this Python has no bz2"):
        Pinning("/in")


def test_a_listing_is_made_and_compared_without_memory_for_its_objects() -> None:
    """Beside the compressed bytes there are the 8 MB of bzip2; the entries alone would take more than 20 MB."""

    def many() -> Iterator[Entry]:
        for number in range(100_000):
            yield Entry(f"in/{number:012}", f"{number:012}", 10, f"{number * 7919 % 2**31:08x}", 1.5)

    tracemalloc.start()
    try:
        pinning = Pinning("/in")
        for entry in many():
            pinning.entry(entry)
        content = pinning.content()
        found = compare(pinned(content), many())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (found.changed_count, found.gone_count, found.new_count) == (0, 0, 0)
    assert peak_bytes < 3 * len(content) + 10_000_000


def test_reading_a_listing_takes_no_memory_for_its_objects() -> None:
    pinning = Pinning("/in")
    for number in range(100_000):
        pinning.entry(Entry(f"in/{number:012}", f"{number:012}", 10, f"{number * 7919 % 2**31:08x}", 1.5))
    content = pinning.content()
    tracemalloc.start()
    try:
        count = sum(1 for _ in pinned(content))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 100_000
    assert len(content) / count < 30
    assert peak_bytes < 1_000_000


def test_a_source_that_is_as_it_was_has_not_moved() -> None:
    found = compare(entries("abc"), entries("abc"))

    assert (found.changed_count, found.gone_count, found.new_count) == (0, 0, 0)


def test_changed_gone_and_new_objects_are_told_apart() -> None:
    now = [*entries("a"), Entry("in/aa", "aa", 1, "v"), *entries("c", "other"), *entries("ez")]

    found = compare(entries("abcde"), now)

    assert (found.changed, found.gone, found.new) == (["in/c"], ["in/b", "in/d"], ["in/aa", "in/z"])


def test_another_size_is_a_change_although_the_version_is_the_same() -> None:
    assert compare([Entry("a", "a", 1, "v")], [Entry("a", "a", 2, "v")]).changed == ["a"]


@given(st.sets(st.text(max_size=3), max_size=30), st.sets(st.text(max_size=3), max_size=30))
def test_two_listings_are_compared_like_two_sets(then: set[str], now: set[str]) -> None:
    def rows(keys: set[str]) -> list[Entry]:
        return [Entry(key, key, 1, "v") for key in sorted(keys)]

    found = compare(rows(then), rows(now))

    assert (found.gone_count, found.new_count, found.changed_count) == (len(then - now), len(now - then), 0)


def test_only_the_first_objects_are_named_and_all_are_counted() -> None:
    rows = [Entry(f"{number:03}", "", 1, "v") for number in range(3 * MAX_NAMED)]

    found = compare(rows, [])

    assert (len(found.gone), found.gone_count) == (MAX_NAMED, 3 * MAX_NAMED)


def test_a_listing_has_a_name_of_its_own_for_each_job() -> None:
    assert name_of("job-3") == "listing/job-3.jsonl.bz2"
    assert job_of(name_of("job-3")) == "job-3"
