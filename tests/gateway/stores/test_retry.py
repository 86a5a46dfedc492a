"""RetryingStore: what is tried again, how often, and how a wait ends."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest

from gateway.errors import BadUrl, ObjectMissing, Stopped, StoreUnavailable
from gateway.stores import STORES, open_store, retry
from gateway.stores.base import Attributes, Head, Listed, Skipped, Store, StoreSpec
from gateway.stores.memory import MemoryStore
from gateway.stores.retry import RetryingStore
from tests.gateway.stores.conformance import StoreConformance, keys_below, put


class FlakyStore(MemoryStore):
    """A store in memory whose next calls fail."""

    failures = 0
    attempts = 0
    page_keys = 2
    failed_once = threading.Event()

    def head(self, key: str) -> Head:
        self._maybe_fail()
        return super().head(key)

    def list(
        self, prefix: str, *, start_after: str = "", on_skip: Callable[[Skipped], None] | None = None
    ) -> Iterator[Listed]:
        for number, listed in enumerate(super().list(prefix, start_after=start_after)):
            if number and number % self.page_keys == 0:
                self._maybe_fail()
            yield listed

    def _maybe_fail(self) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            self.failed_once.set()
            raise StoreUnavailable(f"{self.url('')} cannot be reached")


@pytest.fixture
def flaky() -> FlakyStore:
    store = FlakyStore(StoreSpec("memory", uuid.uuid4().hex))
    store.failed_once = threading.Event()
    put(store, "object", b"content")
    return store


class FlakyPart:
    """A part whose first write fails."""

    def __init__(self, failure: Exception) -> None:
        self.content = b""
        self._failures = [failure]

    def write(self, payload: memoryview) -> None:
        if self._failures:
            raise self._failures.pop()
        self.content += payload

    def finish(self) -> str:
        return "etag"

    def abandon(self) -> None:
        pass


def test_each_write_of_a_part_is_tried_again(flaky: FlakyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    part = FlakyPart(StoreUnavailable("the disk does not answer"))
    monkeypatch.setattr(flaky, "stream_part", lambda *_, **__: part)
    stream = RetryingStore(flaky, base_s=0.0).stream_part("k", "token", number=1, offset=0)
    assert stream is not None

    stream.write(memoryview(b"one"))
    stream.write(memoryview(b"two"))

    assert part.content == b"onetwo"
    assert stream.finish() == "etag"


def test_a_write_of_a_part_that_fails_for_good_is_not_tried_again(
    flaky: FlakyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = FlakyPart(ObjectMissing("the upload is gone"))
    monkeypatch.setattr(flaky, "stream_part", lambda *_, **__: part)
    stream = RetryingStore(flaky).stream_part("k", "token", number=1, offset=0)
    assert stream is not None

    with pytest.raises(ObjectMissing):
        stream.write(memoryview(b"one"))

    assert part.content == b""


class TestRetryingStore(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return open_store(StoreSpec("memory", uuid.uuid4().hex))


def test_what_is_unavailable_for_a_moment_is_tried_again(flaky: FlakyStore) -> None:
    flaky.failures = 4

    head = RetryingStore(flaky, base_s=0.001).head("object")

    assert head.size_bytes == 7
    assert flaky.attempts == 5


def test_the_attempts_are_bounded(flaky: FlakyStore) -> None:
    flaky.failures = 100

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        RetryingStore(flaky, base_s=0.001, max_attempts=3).head("object")

    assert flaky.attempts == 3


@pytest.mark.parametrize(("patience_s", "outcome"), [(60.0, "found"), (30.0, "given up")])
def test_what_is_out_of_service_is_tried_again_as_long_as_patience_lasts(
    flaky: FlakyStore, monkeypatch: pytest.MonkeyPatch, patience_s: float, outcome: str
) -> None:
    """A store that answers nothing for 50 s of a clock that only waiting moves."""
    now_s = 1000.0

    def wait(delay_s: float) -> None:
        nonlocal now_s
        now_s += delay_s
        flaky.failures = 1 if now_s < 1050.0 else 0

    flaky.failures = 1
    store = RetryingStore(flaky, patience_s=patience_s)
    monkeypatch.setattr(retry, "time", SimpleNamespace(monotonic=lambda: now_s))
    monkeypatch.setattr(store._stop, "wait", wait)

    try:
        found = "found" if store.head("object").size_bytes == 7 else "another"
    except StoreUnavailable:
        found = "given up"

    assert found == outcome
    assert (now_s >= 1030.0) == (flaky.attempts > 5)


def test_patience_is_for_stores_that_are_out_of_service_alone(flaky: FlakyStore) -> None:
    with pytest.raises(ObjectMissing):
        RetryingStore(flaky, patience_s=60.0).head("missing")

    assert flaky.attempts == 1


def test_what_cannot_get_better_is_not_tried_again(flaky: FlakyStore) -> None:
    with pytest.raises(ObjectMissing):
        RetryingStore(flaky).head("missing")

    assert flaky.attempts == 1


def test_a_listing_goes_on_where_it_broke_off(flaky: FlakyStore) -> None:
    keys = [f"{number:02}" for number in range(20)]
    for key in keys:
        put(flaky, key, b"")
    flaky.failures = 7

    listed = keys_below(RetryingStore(flaky, base_s=0.001, max_attempts=2), "")

    assert listed == [*keys, "object"]
    assert flaky.failures == 0


def test_closing_ends_a_wait_at_once(flaky: FlakyStore) -> None:
    flaky.failures = 100
    store = RetryingStore(flaky, base_s=60, cap_s=600)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            store.head("object")
        except Stopped as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert flaky.failed_once.wait(timeout=30)
    before = time.monotonic()
    store.close()
    thread.join(timeout=30)

    assert not thread.is_alive()
    assert time.monotonic() - before < 5
    assert "cannot be reached" in str(raised[0])


def test_the_waits_grow_with_jitter_up_to_the_cap(flaky: FlakyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    flaky.failures = 100
    store = RetryingStore(flaky, base_s=0.2, cap_s=10, max_attempts=12)
    monkeypatch.setattr(store._stop, "wait", waits.append)

    with pytest.raises(StoreUnavailable):
        store.head("object")

    assert len(waits) == 11
    assert 0.2 <= waits[0] <= 0.6
    assert max(waits) <= 10
    assert all(later <= 3 * earlier for earlier, later in pairwise(waits))


@pytest.mark.parametrize("scheme", sorted(STORES))
def test_every_store_of_the_table_opens(scheme: str) -> None:
    store = open_store(StoreSpec(scheme, "" if scheme == "file" else "bucket"))

    assert store.spec.scheme == scheme
    assert store.url("a").endswith("/a")
    assert isinstance(store, RetryingStore)


def test_a_scheme_without_an_adapter_is_refused() -> None:
    with pytest.raises(BadUrl, match="gs://") as caught:
        open_store(StoreSpec("gs", "bucket"))

    assert "s3" in caught.value.hint


def test_attributes_travel_through(flaky: FlakyStore) -> None:
    RetryingStore(flaky).put("object", memoryview(b""), Attributes(content_type="text/plain"))

    assert flaky.head("object").attributes.content_type == "text/plain"
