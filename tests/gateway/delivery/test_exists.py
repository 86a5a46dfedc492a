from __future__ import annotations

import uuid

import pytest

from gateway.delivery.exists import IfExists
from gateway.errors import ObjectExists
from gateway.stores.base import Attributes, StoreSpec
from gateway.stores.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(StoreSpec("memory", bucket=uuid.uuid4().hex))
    store.put("old", memoryview(b"x"), Attributes())
    return store


def rule(name: str, store: MemoryStore, *, age_s: float = 100.0) -> IfExists:
    return IfExists(name, store, store.head("old").written_s + age_s)


def test_overwrite_does_not_even_look(store: MemoryStore) -> None:
    assert rule("overwrite", store).must_be_absent("old", again=False) is False


@pytest.mark.parametrize("name", ["skip", "fail"])
def test_what_is_absent_must_stay_so_until_it_is_written(store: MemoryStore, name: str) -> None:
    assert rule(name, store).must_be_absent("new", again=False) is True


def test_what_exists_is_skipped_or_fails(store: MemoryStore) -> None:
    assert rule("skip", store).must_be_absent("old", again=True) is None
    with pytest.raises(ObjectExists, match="old exists already"):
        rule("fail", store).must_be_absent("old", again=True)


@pytest.mark.parametrize("name", ["skip", "fail"])
def test_what_this_transfer_wrote_before_is_written_again(store: MemoryStore, name: str) -> None:
    ours = rule(name, store, age_s=-1)

    assert ours.must_be_absent("old", again=True) is False


def test_what_others_wrote_meanwhile_is_a_conflict_for_a_first_attempt(store: MemoryStore) -> None:
    assert rule("skip", store, age_s=-1).must_be_absent("old", again=False) is None
