"""CountingStore: what it tells is what a server sees, repeats included."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.errors import ObjectExists, ObjectMissing, StoreUnavailable
from gateway.stores import open_store
from gateway.stores.base import Attributes, Store, StoreSpec
from gateway.stores.counting import CountingStore
from gateway.stores.memory import MemoryStore
from gateway.stores.retry import RetryingStore
from gateway.stores.s3 import S3Store
from tests.counting import CountingServer, counting_server
from tests.gateway.stores.conformance import StoreConformance, keys_below, put, put_part, read
from tests.servers import S3Server


class TestCountingStore(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return open_store(StoreSpec("memory", uuid.uuid4().hex), count=lambda *_: None)


class Counts:
    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def __call__(self, name: str, amount: int) -> None:
        (self.bytes if name.endswith("_bytes") else self.requests)[name] += amount


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture(scope="module")
def server(s3_server: S3Server) -> Iterator[CountingServer]:
    with counting_server(s3_server) as server:
        yield server


@pytest.fixture
def store(server: CountingServer, bucket: str, counts: Counts) -> Store:
    server.forget()
    inner = CountingStore(S3Store(server.server.spec(bucket), server.server.credentials), counts)
    return RetryingStore(inner, base_s=0.001)


def upload(store: Store, key: str, parts: int, *, if_absent: bool = False) -> None:
    token = store.create_multipart(key, Attributes(), size_bytes=parts * 100, transfer_id="t")
    done = [put_part(store, key, token, number + 1, [bytes([number]) * 100] * (number + 1)) for number in range(parts)]
    store.complete_multipart(key, token, done, Attributes(), if_absent=if_absent)


def test_requests_are_counted_as_the_server_sees_them(
    store: Store, server: CountingServer, bucket: str, counts: Counts
) -> None:
    for number in range(3):
        put(store, f"small{number}", b"content")
    upload(store, "large", 3)
    store.head("large")
    read(store, "large")
    read(store, "small0")
    put(store, "empty", b"")
    read(store, "empty")
    keys_below(store, "")
    store.check_readable("")
    store.check_writable("")
    token = store.create_multipart("dropped", Attributes(), size_bytes=1, transfer_id="t")
    store.abort_multipart("dropped", token)
    store.delete("small1")

    assert dict(counts.requests) == server.of(bucket)
    assert set(counts.requests) == {"get", "put", "multipart-part", "list", "head", "delete"}


def test_bytes_are_counted_in_both_directions(store: Store, counts: Counts) -> None:
    put(store, "object", b"0123456789")
    upload(store, "large", 2)

    with store.read_range("object", offset=2, size_bytes=5) as reader:
        reader.readinto(memoryview(bytearray(3)))

    assert dict(counts.bytes) == {"written_bytes": 10 + 200, "read_bytes": 3}, "a stream that is left early"


def test_pages_of_a_listing_are_requests(
    store: Store, server: CountingServer, bucket: str, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3Store, "page_keys", 3)
    inner = S3Store(server.server.spec(bucket), server.server.credentials)
    small_pages = CountingStore(inner, counts)
    for number in range(6):
        put(inner, f"k{number}", b"")
        server.forget()
        counts.requests.clear()

        keys_below(small_pages, "")

        assert dict(counts.requests) == server.of(bucket), number + 1


def test_each_attempt_is_a_request(store: Store, server: CountingServer, bucket: str, counts: Counts) -> None:
    server.failures["put"] = 2

    put(store, "object", b"content")

    assert dict(counts.requests) == server.of(bucket) == {"put": 3}
    assert counts.bytes["written_bytes"] == 3 * len(b"content")


def test_what_fails_for_good_was_asked_too(store: Store, server: CountingServer, bucket: str, counts: Counts) -> None:
    server.failures["get"] = 99

    with pytest.raises(StoreUnavailable), store.read_range("object", offset=0, size_bytes=1):
        pass
    with pytest.raises(ObjectMissing):
        store.head("object")

    server.failures.clear()
    assert dict(counts.requests) == server.of(bucket) == {"get": 5, "head": 1}


def test_an_upload_that_meets_another_object_is_aborted(counts: Counts) -> None:
    store = CountingStore(MemoryStore(StoreSpec("memory", uuid.uuid4().hex)), counts)
    put(store, "object", b"first")

    with pytest.raises(ObjectExists):
        upload(store, "object", 1, if_absent=True)

    assert dict(counts.requests) == {"put": 3, "multipart-part": 1, "delete": 1}


def test_who_does_not_ask_is_not_counted() -> None:
    store = open_store(StoreSpec("memory", uuid.uuid4().hex))

    assert isinstance(store, RetryingStore)
    assert isinstance(store.inner, MemoryStore)
