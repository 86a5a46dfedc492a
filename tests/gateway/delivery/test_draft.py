"""A draft is read while it is sent, and what an arrival opens of it is what was read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.chunk import Chunk
from gateway.delivery.arrival import Arrival
from gateway.delivery.coordinator import Coordinator
from gateway.delivery.draft import Draft
from gateway.delivery.events import Counters, Events
from gateway.delivery.inflight import ShardRun, Stage, Task, Work
from gateway.delivery.payload import Sealing, manifest_of
from gateway.delivery.reading import PieceReader
from gateway.delivery.runtime import Runtime, Secrets
from gateway.errors import GatewayError, IntegrityError, Stopped, StoreFull
from gateway.meter import Meter, clock
from gateway.shard import Entry, Shard
from gateway.stores.base import StoreSpec
from gateway.stores.local import LocalStore
from gateway.wire.codecs import FrameOpener
from gateway.wire.compression import compressor
from gateway.wire.frame import Announced, Piece, binding
from gateway.wire.pool import Pool, Scratch
from gateway.wire.records import FrameHeader
from tests.gateway.pipelines import SMALL, key_of

KEY = bytes(range(32))
SLICE = SMALL.slice_bytes
SIZE = 3 * SLICE + 5


class Stream:
    """What an arrival writes to; full after *room_bytes*."""

    def __init__(self, room_bytes: int = 1 << 30) -> None:
        self.content = bytearray()
        self.abandoned = False
        self._room_bytes = room_bytes

    def write(self, payload: memoryview) -> None:
        self.content += payload
        if len(self.content) > self._room_bytes:
            raise StoreFull("no room")

    def finish(self) -> str:
        return "etag"

    def abandon(self) -> None:
        self.abandoned = True


class Connection:
    """A writer whose other end takes each slice in at once; *alter* may change what is on the way."""

    def __init__(self, stream: Stream, alter: Callable[[bytearray], None] = lambda _: None) -> None:
        self.scratch = Scratch.of(SLICE)
        self.sending_s = 0.0
        self.sealed_bytes = 0
        self.sizes: list[int] = []
        self.runs: list[int] = []
        self.written: list[tuple[str, str, int]] = []
        self.refused: list[GatewayError] = []
        self.ids: list[bytes] = []
        self.breaks_at: int | None = None
        self._stream = stream
        self._alter = alter
        self._far = Scratch.of(SLICE)

    def begin(self, frame: Announced, slice_count: int) -> None:
        fields = frame.partition, frame.source, frame.destinations, frame.attempt, frame.raw_bytes
        header = FrameHeader(frame.frame_id, *fields, frame.salt, len(frame.manifest), slice_count)
        opener = FrameOpener(KEY, "t", frame.frame_id, frame.salt)
        bound = header_binding(frame)
        (piece,) = manifest_of(opener, header, frame.manifest, bound)
        self.ids.append(frame.frame_id)
        self._arrival = Arrival(
            header,
            opener,
            self._far,
            bound,
            stream=self._stream,
            meter=Meter(),
            began_s=clock(),
            piece=piece,
            written=self._note,
            refused=lambda _, error: self.refused.append(error),
        )

    def slice(self, index: int, sealed: memoryview, run: int) -> None:
        if index == self.breaks_at:
            raise ConnectionResetError
        self.sizes.append(len(sealed))
        self.runs.append(run)
        on_the_way = bytearray(sealed)
        self._alter(on_the_way)
        room = self._arrival.room(len(sealed))
        room[:] = on_the_way
        self._arrival.took(room)

    def end(self, trailer: bytes) -> None:
        self._arrival.finish(trailer)

    def give_up(self) -> None:
        self._arrival.abandon()

    def _note(self, piece: Piece, etag: str, crc: int) -> None:
        self.written.append((piece.key, etag, crc))


def header_binding(frame: Announced) -> bytes:
    return binding(frame.partition, frame.source, frame.destinations, frame.attempt, frame.raw_bytes)


class Source:
    """A file as a work of one chunk."""

    def __init__(self, path: Path, *, setting: str = "none") -> None:
        events = Events()
        self.counters = Counters(events)
        self.crashes: list[str] = []
        runtime = Runtime(
            gateway="a",
            secrets=Secrets("t", bytes(32), "token", KEY),
            settings=SMALL,
            pool=Pool(SMALL.pool_bytes, SLICE),
            events=events,
            counters=self.counters,
            say=lambda *_: None,
            on_crash=lambda thread, _: self.crashes.append(thread),
            log=lambda _: None,
        )
        self.coordinator = Coordinator({"job": {"0": ("b",)}}, SMALL, say=runtime.say, events=events)
        store = LocalStore(StoreSpec("file"))
        head = store.head(key_of(path))
        entry = Entry(key_of(path), "file", head.size_bytes, head.version)
        run = ShardRun.begin(Shard("s", "job", (entry,), (0,)))
        chunk = Chunk(1, 0, SIZE)
        self.item = self.coordinator._ledger.admit(run, 0, [chunk], Stage.SENDING)
        work = Work("job", (Task(self.item, chunk, {0: "token"}),), (0,), 0)
        sealing = Sealing(KEY, "t", compressor=compressor(setting))
        self.draft = Draft(
            runtime, sealing, PieceReader(store, self.coordinator, 2), self.coordinator, work, meter=Meter()
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.mark.parametrize("setting", ["none", "lz4", "zstd"])
def test_what_a_draft_reads_arrives_byte_for_byte(path: Path, setting: str) -> None:
    path.write_bytes(b"text " * (SIZE // 5) + os.urandom(SIZE % 5))
    source, stream = Source(path, setting=setting), Stream()
    connection = Connection(stream)

    assert source.draft.send(connection)

    assert bytes(stream.content) == path.read_bytes()
    assert connection.written == [("file", "etag", source.item.crcs[1])]
    assert connection.runs == ([3, 0, 0, 1] if setting == "none" else [1, 1, 1, 1])
    assert (sum(connection.sizes) < SIZE) == (setting != "none")
    assert source.counters.read()["bytes_read"] == SIZE


def test_a_draft_whose_connection_breaks_is_sent_again_under_another_key(path: Path) -> None:
    source, stream = Source(path), Stream()
    broken, next_one = Connection(Stream()), Connection(stream)
    broken.breaks_at = 2

    with pytest.raises(ConnectionResetError):
        source.draft.send(broken)
    assert source.draft.send(next_one)

    assert bytes(stream.content) == path.read_bytes()
    assert broken.ids != next_one.ids


def test_a_file_that_changed_is_given_up_and_its_object_fails(path: Path) -> None:
    source, stream = Source(path), Stream()
    path.write_bytes(os.urandom(SIZE))

    sent = source.draft.send(Connection(stream))

    assert not sent
    assert source.item.done
    assert not stream.content


def test_a_file_that_reads_differently_the_second_time_is_given_up(path: Path) -> None:
    source, stream = Source(path), Stream()
    source.item.crcs[1] = 1

    assert not source.draft.send(Connection(stream))

    assert source.item.done


def test_a_slice_that_was_altered_on_its_way_is_refused_and_the_rest_passed_over(path: Path) -> None:
    def alter(sealed: bytearray) -> None:
        sealed[-1] ^= len(stream.content) == SLICE

    stream = Stream()
    connection = Connection(stream, alter)

    assert Source(path).draft.send(connection)

    assert not connection.written
    assert isinstance(connection.refused[0], IntegrityError)
    assert len(stream.content) == SLICE
    assert stream.abandoned


def test_a_store_that_is_full_refuses_the_chunk_once(path: Path) -> None:
    connection = Connection(Stream(room_bytes=SLICE))

    assert Source(path).draft.send(connection)

    assert [type(error) for error in connection.refused] == [StoreFull]
    assert not connection.written


def test_a_store_that_stops_has_not_refused_the_chunk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: object) -> None:
        raise Stopped("the gateway stops")

    stream = Stream()
    connection = Connection(stream)
    monkeypatch.setattr(stream, "write", stopped)

    with pytest.raises(Stopped):
        Source(path).draft.send(connection)

    assert not connection.refused


def test_a_slice_that_would_reach_into_the_next_part_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, stream = Source(path), Stream()
    connection = Connection(stream)
    monkeypatch.setattr(
        connection, "begin", lambda frame, count: (Connection.begin(connection, frame, count), shorten(connection))
    )

    def shorten(connection: Connection) -> None:
        connection._arrival._header = structs.replace(connection._arrival._header, raw_bytes=SIZE - 1)

    assert source.draft.send(connection)

    assert "more than its part" in str(connection.refused[0])
    assert len(stream.content) == 3 * SLICE


def test_a_bug_in_a_store_is_told_and_the_draft_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(path)

    def bug(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(LocalStore, "read_range", bug)

    assert not source.draft.send(Connection(Stream()))
    assert source.crashes == ["draft"]


def test_a_digest_that_is_not_that_of_the_bytes_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.delivery.draft.encode_trailer", lambda digests: bytes([0x91, digests[0] & 0x7F]))
    connection = Connection(Stream())

    assert Source(path).draft.send(connection)

    assert "did not arrive as it was read" in str(connection.refused[0])


def test_a_draft_holds_no_memory_of_the_pool(path: Path) -> None:
    source = Source(path)

    assert source.draft.retain() is source.draft
    assert source.draft.wire_bytes == SIZE
    assert source.draft.send(Connection(Stream()))

    assert source.draft._runtime.pool.free_bytes == SMALL.pool_bytes


def test_settings_choose_what_frames_are_sealed_with() -> None:
    plain = Sealing.of(KEY, "t", replace(SMALL, compression="none", cipher="xchacha20poly1305"))

    assert plain.compressor is None
    assert plain.cipher == 1
    assert repr(KEY) not in repr(plain)
