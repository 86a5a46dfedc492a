"""The store in memory does what every store does."""

from __future__ import annotations

import uuid

import pytest

from gateway.stores.base import Attributes, Store, StoreSpec
from gateway.stores.memory import MemoryStore
from tests.gateway.stores.conformance import StoreConformance, put, read


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore(StoreSpec("memory", uuid.uuid4().hex))

    def test_stores_of_one_bucket_see_the_same_objects(self, store: Store) -> None:
        put(store, "object", b"content", Attributes(user_metadata={"owner": "me"}))

        again = MemoryStore(store.spec)

        assert read(again, "object") == b"content"
        assert again.head("object").attributes.user_metadata == {"owner": "me"}
