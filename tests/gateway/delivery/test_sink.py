"""A sink and its owner over a store in memory; the test is the source."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.delivery.events import Counters, Events
from gateway.delivery.letters import COMPLETING, Abort, Complete, Completed, Letter, Open, Opened, Receipt, Refused
from gateway.delivery.payload import FrameBuilder, Sealing
from gateway.delivery.runtime import Runtime, Secrets
from gateway.delivery.sink import Sink
from gateway.errors import StoreFull, StoreUnavailable
from gateway.program import Settings
from gateway.stores.base import Attributes, Head, StoreSpec
from gateway.stores.local import LocalStore
from gateway.stores.memory import MemoryStore
from gateway.stores.retry import RetryingStore
from gateway.units import KIB, MIB
from gateway.wire.codecs import combine_crc64nvme, crc64nvme
from gateway.wire.compression import compressor
from gateway.wire.frame import Frame, Piece
from gateway.wire.pool import Pool
from tests.gateway.pipelines import SMALL

_L = TypeVar("_L")
TEXT = Attributes(content_type="text/plain", user_metadata={"a": "b"})


class Bench:
    """A sink for destination 0, and what it said."""

    def __init__(self, settings: Settings = SMALL, started_s: float = 0.0) -> None:
        events = Events()
        self.pool = Pool(MIB, 32 * KIB)
        self.store = MemoryStore(StoreSpec("memory", bucket=uuid.uuid4().hex))
        self.logged: list[str] = []
        self.runtime = Runtime(
            gateway="b",
            secrets=Secrets("t", bytes(32), "token", bytes(32), started_s),
            settings=settings,
            pool=self.pool,
            events=events,
            counters=Counters(events),
            say=self._say,
            on_crash=lambda name, error: self.logged.append(f"{name}: {error}"),
            log=self.logged.append,
        )
        self.sink = Sink(self.runtime, self.store, destination=0, key_for=lambda suffix: f"to/{suffix}")
        self._letters: list[Letter] = []
        self._changed = threading.Condition()
        self.sink.start()

    def _say(self, to: str, letter: Letter) -> None:
        assert to == "a"
        with self._changed:
            self._letters.append(letter)
            self._changed.notify_all()

    def hears(self, kind: type[_L]) -> _L:
        """Return the next letter, which must be of *kind*."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self._letters), 10), self.logged
            letter = self._letters.pop(0)
        assert isinstance(letter, kind), letter
        return letter

    def frame(self, payload: bytes, *pieces: Piece, crc_error: int = 0) -> Frame:
        """Return a frame of *pieces*; the digest of the first is wrong by *crc_error*."""
        builder = FrameBuilder(
            Sealing(bytes(32), "t", compressor=compressor("lz4")),
            self.pool.reserve(len(payload)),
            memoryview(bytearray(32 * KIB)),
            raw_bytes=len(payload),
        )
        done = 0
        while done < len(payload):
            room = builder.slices.room(len(payload) - done)
            room[:] = payload[done : done + len(room)]
            done += len(room)
            builder.slices.advance(len(room))
        ends = itertools.accumulate(piece.size_bytes for piece in pieces)
        digests = [crc64nvme(payload[end - piece.size_bytes : end]) for piece, end in zip(pieces, ends, strict=True)]
        digests[0] ^= crc_error
        return builder.finish(partition="job", source="a", destinations=(0,), attempt=1, pieces=pieces, digests=digests)

    def open(self, size_bytes: int) -> None:
        self.sink.hear(
            "a",
            Open(
                partition="job",
                destination=0,
                object_id="1",
                attempt=1,
                key="k",
                size_bytes=size_bytes,
                attributes=TEXT,
                again=False,
            ),
        )

    def stop(self) -> None:
        self.sink.close()
        self.sink.join()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.stop()


def piece(key: str, content: bytes, *, number: int = 0, offset: int = 0, token: str = "") -> Piece:
    tokens = {0: token} if token else {}
    return Piece("1", key, offset, len(content), number, len(content), tokens, {"mtime_s": 5.0})


def complete(opened: Opened, *contents: tuple[int, str, bytes]) -> Complete:
    crc, size_bytes = 0, 0
    for _, _, content in contents:
        crc = combine_crc64nvme(crc, crc64nvme(content), len(content))
        size_bytes += len(content)
    return Complete(
        partition="job",
        destination=0,
        object_id="1",
        attempt=2,
        key="k",
        token=opened.token,
        parts=tuple((number, etag, len(content), crc64nvme(content)) for number, etag, content in contents),
        attributes=TEXT,
        size_bytes=size_bytes,
        crc64nvme=crc,
        if_absent=opened.if_absent,
    )


def content_of(store: MemoryStore, key: str, size_bytes: int) -> bytes:
    found = memoryview(bytearray(size_bytes))
    with store.read_range(key, offset=0, size_bytes=size_bytes) as reader:
        assert reader.readinto(found) == size_bytes
    return bytes(found)


def test_a_batch_gets_one_receipt_and_its_memory_back(bench: Bench) -> None:
    free = bench.pool.free_bytes

    bench.sink.put(bench.frame(b"onetwo", piece("1", b"one"), piece("e", b""), piece("2", b"two")))
    receipt = bench.hears(Receipt)
    bench.stop()

    assert [item.size_bytes for item in receipt.items] == [3, 0, 3]
    assert content_of(bench.store, "to/1", 3) == b"one"
    assert content_of(bench.store, "to/2", 3) == b"two"
    assert bench.store.head("to/e").attributes.mtime_s == 5.0
    assert bench.pool.free_bytes == free


def test_a_piece_with_a_wrong_digest_is_refused_and_never_written(bench: Bench) -> None:
    bench.sink.put(bench.frame(b"onetwo", piece("1", b"one"), piece("2", b"two"), crc_error=1))
    letters = bench.hears(Refused), bench.hears(Receipt)

    assert (letters[0].error, letters[0].retryable) == ("IntegrityError", True)
    assert len(letters[1].items) == 1
    assert [listed.key for listed in bench.store.list("")] == ["to/2"]


def test_a_frame_that_was_tampered_with_is_refused_piece_by_piece(bench: Bench) -> None:
    frame = bench.frame(b"onetwo", piece("1", b"one"), piece("2", b"two"))
    frame.slices[0][5] ^= 1

    bench.sink.put(frame)

    assert [bench.hears(Refused).error, bench.hears(Refused).error] == ["IntegrityError"] * 2
    assert list(bench.store.list("")) == []


def test_a_full_store_refuses_for_good(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(*_: object, **__: object) -> Head:
        raise StoreFull("no space left", hint="free some")

    monkeypatch.setattr(bench.store, "put", put)

    bench.sink.put(bench.frame(b"one", piece("1", b"one")))
    refused = bench.hears(Refused)

    assert (refused.error, refused.retryable, refused.hint) == ("StoreFull", False, "free some")


def test_an_object_of_two_chunks_is_opened_written_and_completed(bench: Bench) -> None:
    bench.open(6)
    opened = bench.hears(Opened)
    bench.sink.put(bench.frame(b"two", piece("k", b"two", number=2, offset=3, token=opened.token)))
    second = bench.hears(Receipt).items[0]
    bench.sink.put(bench.frame(b"one", piece("k", b"one", number=1, token=opened.token)))
    first = bench.hears(Receipt).items[0]

    bench.sink.hear("a", complete(opened, (1, first.etag, b"one"), (2, second.etag, b"two")))
    done = bench.hears(Completed)

    assert opened.destination_key == "to/k"
    assert (done.size_bytes, done.skipped) == (6, False)
    assert content_of(bench.store, "to/k", 6) == b"onetwo"
    assert bench.store.head("to/k").attributes.content_type == "text/plain"


def test_completing_what_an_earlier_owner_completed_is_no_error(bench: Bench) -> None:
    bench.open(3)
    opened = bench.hears(Opened)
    bench.sink.put(bench.frame(b"one", piece("k", b"one", number=1, token=opened.token)))
    etag = bench.hears(Receipt).items[0].etag
    letter = complete(opened, (1, etag, b"one"))

    bench.sink.hear("a", letter)
    bench.hears(Completed)
    bench.sink.hear("a", letter)

    assert bench.hears(Completed).size_bytes == 3


def test_completing_an_upload_that_never_was_is_refused(bench: Bench) -> None:
    bench.open(3)
    opened = bench.hears(Opened)
    bench.sink.hear("a", Abort(partition="job", destination=0, destination_key="to/k", token=opened.token))
    bench.open(3)
    bench.hears(Opened)

    bench.sink.hear("a", complete(opened, (1, "etag", b"one")))
    refused = bench.hears(Refused)

    assert (refused.number, refused.error) == (COMPLETING, "ObjectMissing")


def test_a_chunk_of_an_object_that_is_no_longer_open_is_refused(bench: Bench) -> None:
    bench.sink.put(bench.frame(b"one", piece("k", b"one", number=1, token="gone")))

    assert bench.hears(Refused).error == "ObjectMissing"
    assert list(bench.store.list("")) == []


def test_opening_what_exists_follows_the_rule() -> None:
    for rule, answer in (("skip", Opened), ("fail", Refused)):
        bench = Bench(replace(SMALL, if_exists=rule), started_s=4e9)
        bench.store.put("to/k", memoryview(b"old"), Attributes())

        bench.open(6)
        letter = bench.hears(answer)
        bench.stop()

        assert letter.skipped if isinstance(letter, Opened) else letter.error == "ObjectExists"  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", ["skip", "fail"])
def test_a_frame_that_arrives_twice_is_no_conflict_with_itself(rule: str) -> None:
    """A connection that breaks before the acknowledgement makes the sender repeat the very frame, to any sink."""
    bench = Bench(replace(SMALL, if_exists=rule))
    content = b"once"

    bench.sink.put(bench.frame(content, piece("k", content)))
    first = bench.hears(Receipt)
    bench.sink.put(bench.frame(content, piece("k", content)))
    second = bench.hears(Receipt)

    assert not first.items[0].skipped
    assert [item.crc64nvme for item in second.items] == [crc64nvme(content)]
    bench.stop()


def test_an_answer_that_was_lost_makes_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(replace(SMALL, if_exists="fail"))
    put, failures = bench.store.put, iter([StoreUnavailable("the answer is lost")])

    def lossy(*args: Any, **kwargs: Any) -> Head:
        head = put(*args, **kwargs)
        for failure in failures:
            raise failure
        return head

    monkeypatch.setattr(bench.store, "put", lossy)
    sink = Sink(bench.runtime, RetryingStore(bench.store, base_s=0.001), destination=0, key_for=lambda key: key)
    sink.start()
    sink.put(bench.frame(b"x", piece("k", b"x")))

    assert not bench.hears(Receipt).items[0].skipped
    sink.close()
    sink.join()
    bench.stop()


@pytest.mark.parametrize("standing", [b"othr", b"longer than ours"])
def test_what_another_wrote_meanwhile_stays_a_conflict(standing: bytes) -> None:
    bench = Bench(replace(SMALL, if_exists="fail"))
    bench.store.put("to/k", memoryview(standing), Attributes(mtime_s=5.0))

    bench.sink.put(bench.frame(b"ours", piece("k", b"ours")))

    assert bench.hears(Refused).error == "ObjectExists"
    bench.stop()


@pytest.mark.parametrize("rule", ["skip", "fail"])
def test_a_directory_that_its_files_have_made_is_no_conflict(rule: str, tmp_path: Path) -> None:
    bench = Bench(replace(SMALL, if_exists=rule))
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "file").touch()
    sink = Sink(bench.runtime, LocalStore(StoreSpec("file")), destination=0, key_for=lambda _: f"{tmp_path}/to/"[1:])
    sink.start()

    sink.put(bench.frame(b"", piece("folder/", b"")))

    assert [item.object_id for item in bench.hears(Receipt).items] == ["1"]
    sink.close()
    sink.join()
    bench.stop()


def test_what_is_open_at_the_end_is_aborted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    aborted: list[tuple[str, str]] = []
    monkeypatch.setattr(bench.store, "abort_multipart", lambda key, token: aborted.append((key, token)))
    bench.open(6)
    opened = bench.hears(Opened)

    bench.stop()

    assert aborted == [("to/k", opened.token)]


def test_questions_of_other_destinations_are_left_to_others(bench: Bench) -> None:
    assert not bench.sink.hear("a", Abort(partition="job", destination=1, destination_key="k", token="t"))
