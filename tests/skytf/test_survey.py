from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.shard import Entry
from gateway.stores import open_store
from skytf.survey import MAX_EXAMPLES, MAX_RANGES, Fingerprint, drift, survey
from tests.skytf.requests import A, job, path


def entries(keys: list[str], version: str = "v") -> list[Entry]:
    return [Entry(key, key, 10, version) for key in sorted(keys, key=str.encode)]


def table(found: list[Entry]):  # type: ignore[no-untyped-def]  # the tuple of ranges
    fingerprint = Fingerprint()
    for entry in found:
        fingerprint.add(entry)
    return fingerprint.table()


def test_a_fingerprint_stays_small_and_counts_everything() -> None:
    found = entries([f"{n:07d}" for n in range(7 * MAX_RANGES + 3)])

    ranges = table(found)

    assert len(ranges) <= MAX_RANGES
    assert sum(one.objects for one in ranges) == len(found)
    assert (ranges[0].first_key, ranges[-1].last_key) == ("0000000", f"{len(found) - 1:07d}")


@given(st.sets(st.text(max_size=4), max_size=60))
def test_an_unchanged_source_has_not_drifted(keys: set[str]) -> None:
    found = entries(list(keys))

    assert drift(table(found), found).ranges == ()


def test_a_changed_object_is_found_in_its_range() -> None:
    before = entries(["a", "b", "c"])
    after = [before[0], Entry("b", "b", 10, "other"), before[2]]

    moved = drift(table(before), after)

    ((old, new),) = moved.ranges
    assert old is not None
    assert new is not None
    assert (old.first_key, new.first_key, moved.objects, moved.bytes) == ("b", "b", 1, 10)


def test_new_and_vanished_objects_are_drift() -> None:
    before = entries(["a", "c"])

    assert drift(table(before), entries(["a", "b", "c"])).objects == 2
    assert drift(table(before), entries(["a"])).ranges[0][1] is None
    assert drift(table(before), entries(["a", "c", "d"])).ranges[0][0] is None


def test_many_links_do_not_hide_the_example_of_another_reason(tmp_path: Path) -> None:
    for number in range(MAX_EXAMPLES + 5):
        (tmp_path / f"link-{number:02}").symlink_to("nowhere")
    (tmp_path / "void").mkdir()
    asked = job(source=path(str(tmp_path)[1:], A))

    found = survey(asked, open_store(asked.source.store))

    assert found.skipped == {"empty-directory": 1, "symlink": MAX_EXAMPLES + 5}
    assert len(found.skipped_examples) == MAX_EXAMPLES + 1
    assert found.skipped_examples[-1] == (f"{tmp_path}/void/", "empty-directory")
