from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gateway.shard import Entry
from gateway.stores import open_store
from gateway.stores.base import Attributes, Store, StoreSpec
from skytf.model.job import Endpoint
from skytf.model.region import Region
from skytf.verification import EXAMPLES, Listing, compare_contents, compare_sizes

_BUCKETS = itertools.count()


@pytest.fixture
def store() -> Store:
    return open_store(StoreSpec("memory", f"verification-{next(_BUCKETS)}"))


def endpoint(store: Store, prefix: str) -> Endpoint:
    return Endpoint("memory://", store.spec, prefix, Region("local", "b"))


def put(store: Store, **objects: bytes) -> None:
    for name, content in objects.items():
        store.put(f"out/{name}", memoryview(content), Attributes())


def listed(**sizes: int) -> list[tuple[str, str, int]]:
    return [(f"in/{name}", name, size) for name, size in sizes.items()]


def test_objects_that_are_there_with_their_size_are_counted(store: Store) -> None:
    put(store, a=b"1", b=b"22")

    found = compare_sizes(listed(a=1, b=2), endpoint(store, "out"), store, recursive=True)

    assert (found.objects, found.bytes, found.missing_count, found.different_count) == (2, 3, 0, 0)


def test_missing_and_differing_objects_are_named(store: Store) -> None:
    put(store, b=b"22", z=b"a stranger")

    found = compare_sizes(listed(a=1, b=1, c=3), endpoint(store, "out"), store, recursive=True)

    assert (found.missing, found.different) == (["out/a", "out/c"], ["out/b"])


def test_only_a_few_examples_are_kept(store: Store) -> None:
    many = {f"{number:03d}": 1 for number in range(100)}

    found = compare_sizes(listed(**many), endpoint(store, "out"), store, recursive=True)

    assert (found.missing_count, len(found.missing)) == (100, EXAMPLES)


def test_a_directory_that_was_never_made_lacks_everything(tmp_path: Path) -> None:
    files = open_store(StoreSpec("file"))

    found = compare_sizes(listed(a=1, b=2), endpoint(files, f"{tmp_path}/never".lstrip("/")), files, recursive=True)

    assert (found.missing_count, found.objects) == (2, 0)


def test_a_single_object_is_looked_up_under_its_own_name(store: Store) -> None:
    put(store, renamed=b"1")

    found = compare_sizes(listed(a=1), endpoint(store, "out/renamed"), store, recursive=False)

    assert found.objects == 1


def test_contents_of_the_same_size_are_told_apart(store: Store) -> None:
    put(store, a=b"same", b=b"abcd")
    for name, content in {"in/a": b"same", "in/b": b"abXd", "in/c": b""}.items():
        store.put(name, memoryview(content), Attributes())
    entries = [Entry(f"in/{name}", name, size, "") for name, size in {"a": 4, "b": 4, "c": 0}.items()]

    found = compare_contents(entries, store, endpoint(store, "out"), store, recursive=True)

    assert (found.objects, found.different, found.missing) == (1, ["out/b"], ["out/c"])


def test_a_listing_reads_back_as_it_was_kept(tmp_path: Path) -> None:
    entries = [Entry("in/\u00e9", "\u00e9", 1, "v"), Entry("in/\n", "\n", 2, "v")]

    with Listing(tmp_path / "listing.gz") as listing:
        kept = list(listing.keep(entries))

    assert kept == entries
    assert list(Listing.read(tmp_path / "listing.gz")) == [("in/\u00e9", "\u00e9", 1), ("in/\n", "\n", 2)]


def test_a_listing_that_was_cut_short_has_what_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "listing.gz"
    with Listing(path) as listing:
        kept = listing.keep(Entry(f"in/{name}", name, 1, "v") for name in "abc")
        next(kept)
        next(kept)
        listing.flush()
        at_the_kill = path.read_bytes()
    path.write_bytes(at_the_kill)

    assert [suffix for _, suffix, _ in Listing.read(path)] == ["a", "b"]
