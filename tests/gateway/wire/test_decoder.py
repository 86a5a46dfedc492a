"""The decoder takes bytes in any portions, and no length at its word."""

from __future__ import annotations

import msgspec
import pytest

from gateway.errors import RemoteWireError
from gateway.wire.decoder import Event, FrameLimits, RecordDecoder
from gateway.wire.frame import Frame, Message
from gateway.wire.intake import Arrived, Intake, keep
from gateway.wire.pool import Pool, Withdrawal
from gateway.wire.records import (
    HEAD_BYTES,
    MAX_RECORD_BYTES,
    SEAL_BYTES,
    Ack,
    FrameHeader,
    Kind,
    Lanes,
    Ping,
    encode_ack,
    encode_end,
    encode_frame,
    encode_lanes,
    encode_message,
    encode_ping,
    encode_slice,
)

SLICE = 100
ALL = frozenset({Kind.FRAME, Kind.SLICE, Kind.ACK, Kind.MESSAGE, Kind.PING, Kind.LANES, Kind.END})
FRAME_ID = b"i" * 16
TRAILER = b"trailer, sealed"


def record(body: bytes) -> bytes:
    """Return *body* as a record, "sealed" by a seal that only has the right length."""
    sealed = body + bytes(SEAL_BYTES)
    return len(sealed).to_bytes(4) + sealed


def a_frame(payload: bytes, manifest: bytes = b"manifest") -> Frame:
    slices = [memoryview(payload[i : i + SLICE]) for i in range(0, len(payload), SLICE)]
    return Frame(FRAME_ID, "p", "a", (0, 2), 3, len(payload), b"s" * 32, manifest, slices)


def on_the_wire(frame: Frame) -> bytes:
    parts = [record(encode_frame(frame, len(frame.slices))), frame.manifest]
    for index, view in enumerate(frame.slices):
        parts += [record(encode_slice(index, len(view))), bytes(view)]
    parts.append(record(encode_end(TRAILER)))
    return b"".join(parts)


class Reader:
    """A decoder and the pool it draws from."""

    def __init__(self, allowed: frozenset[Kind] = ALL, max_frame_bytes: int = 1000) -> None:
        self.pool = Pool(10 * SLICE, SLICE)
        self.asked: list[int] = []
        self.frames: list[Frame] = []
        limits = FrameLimits(self._begin, SLICE, max_frame_bytes)
        self.decoder = RecordDecoder(lambda sealed: sealed[:-SEAL_BYTES], allowed, limits)

    def _begin(self, header: FrameHeader, manifest: bytes) -> Intake:
        self.asked.append(header.raw_bytes)
        return keep(self.pool, Withdrawal(), self.frames.append, header, manifest)

    def feed_frame(self, data: bytes, portion: int = 1 << 30) -> Frame:
        """Feed one frame and return it as its intake hands it on."""
        (arrived,) = self.feed(data, portion)
        assert isinstance(arrived, Arrived)
        arrived.intake.finish(arrived.trailer)
        (frame,) = self.frames
        return frame

    def feed(self, data: bytes, portion: int = 1 << 30) -> list[Event]:
        events = []
        while data:
            view = self.decoder.want()
            n = min(len(view), len(data), portion)
            view[:n] = data[:n]
            data = data[n:]
            event = self.decoder.advance(n)
            if event is not None:
                events.append(event)
        return events


@pytest.mark.parametrize("portion", [1, 7, 1 << 30])
@pytest.mark.parametrize("size_bytes", [0, 1, SLICE, SLICE + 1, 5 * SLICE])
def test_a_frame_cut_in_any_portions_is_still_one_frame(portion: int, size_bytes: int) -> None:
    sent = a_frame(bytes(i % 251 for i in range(size_bytes)))
    reader = Reader()

    got = reader.feed_frame(on_the_wire(sent), portion)

    assert got.binding() == sent.binding()
    assert (got.frame_id, got.salt, got.manifest, got.trailer) == (FRAME_ID, sent.salt, sent.manifest, TRAILER)
    assert b"".join(got.slices) == b"".join(sent.slices)
    assert reader.decoder.between_records
    got.release()
    assert reader.pool.free_bytes == 10 * SLICE


def test_an_empty_frame_may_have_one_empty_sealed_slice() -> None:
    sent = a_frame(b"")
    sent.slices = [memoryview(b"seal of nothing!!")]

    got = Reader().feed_frame(on_the_wire(sent))

    assert [bytes(view) for view in got.slices] == [b"seal of nothing!!"]


def test_small_records_come_out_in_order() -> None:
    message = Message("c", "a", "receipt", b"sealed")
    data = b"".join(
        record(body) for body in (encode_ping(7), encode_message(message), encode_ack(FRAME_ID), encode_lanes(4))
    )

    assert Reader().feed(data, 5) == [Ping(7), message, Ack(FRAME_ID), Lanes(4)]


def test_slices_land_in_the_pool_without_a_copy_in_between() -> None:
    reader = Reader()
    sent = a_frame(bytes(SLICE))
    head = record(encode_frame(sent, len(sent.slices))) + sent.manifest + record(encode_slice(0, SLICE))

    reader.feed(head)

    assert reader.decoder.want().obj is reader.pool._free[0].obj


@pytest.mark.parametrize("length", [0, HEAD_BYTES - 5, MAX_RECORD_BYTES + 1, 2**32 - 1])
def test_a_length_that_no_record_has_is_refused_before_memory_is_taken(length: int) -> None:
    reader = Reader()

    with pytest.raises(RemoteWireError, match=f"a record of {length} bytes"):
        reader.feed(length.to_bytes(4) + bytes(HEAD_BYTES))


def test_a_frame_larger_than_allowed_is_refused_before_memory_is_taken() -> None:
    reader = Reader()
    header = [FRAME_ID, "p", "a", [0], 1, 2**62, b"s" * 32, 8, 1]

    with pytest.raises(RemoteWireError, match=f"a frame of {2**62} bytes"):
        reader.feed(record(bytes([Kind.FRAME]) + msgspec.msgpack.encode(header)))
    assert reader.asked == []


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"short"), (1, ""), (1, "x" * 256), (3, [-1]), (5, -1), (6, b""), (7, 2**40), (8, -1), (8, 2), (5, "text")],
)
def test_a_frame_header_with_a_wrong_field_is_refused(place: int, value: object) -> None:
    header: list[object] = [FRAME_ID, "p", "a", [0], 1, SLICE, b"s" * 32, 8, 1]
    header[place] = value
    reader = Reader()

    with pytest.raises(RemoteWireError):
        reader.feed(record(bytes([Kind.FRAME]) + msgspec.msgpack.encode(header)))
    assert reader.asked == []


@pytest.mark.parametrize(
    "body",
    [
        encode_slice(1, SLICE),
        encode_slice(0, 0),
        encode_slice(0, SLICE + 18),
        encode_slice(0, SLICE, run=0),
        encode_slice(0, SLICE, run=3),
        encode_frame(a_frame(b"again"), 1),
        bytes([Kind.SLICE]) + bytes(20),
        bytes([99]) + bytes(8),
        bytes([Kind.HELLO]) + bytes(8),
        bytes([Kind.MESSAGE]) + b"not msgpack",
        bytes([Kind.MESSAGE]) + b"\x94\xa1\xff\xa1a\xa1k\xc4\x01s",
        bytes([Kind.ACK]) + bytes(8),
        bytes([Kind.PING]) + bytes(9),
    ],
)
def test_a_record_out_of_place_is_refused_and_the_half_frame_is_given_back(body: bytes) -> None:
    reader = Reader()
    frame = a_frame(bytes(2 * SLICE))
    reader.feed(record(encode_frame(frame, len(frame.slices))) + frame.manifest)

    with pytest.raises(RemoteWireError):
        reader.feed(record(body))
    reader.decoder.abandon()

    assert reader.pool.free_bytes == 10 * SLICE


def test_a_slice_without_a_frame_is_refused() -> None:
    with pytest.raises(RemoteWireError, match="without its frame"):
        Reader().feed(record(encode_slice(0, 1)))


def test_a_kind_that_does_not_belong_on_the_lane_is_refused() -> None:
    with pytest.raises(RemoteWireError, match="does not belong"):
        Reader(frozenset({Kind.ACK})).feed(record(encode_ping(0)))


def test_the_decoder_knows_when_the_peer_may_leave() -> None:
    reader = Reader()
    data = on_the_wire(a_frame(bytes(SLICE)))

    leaving = [reader.decoder.between_records]
    for byte in data:
        reader.feed(bytes([byte]))
        leaving.append(reader.decoder.between_records)

    assert leaving == [True] + [False] * (len(data) - 1) + [True]


def test_a_frame_that_its_sender_gives_up_is_forgotten_and_the_next_one_begins() -> None:
    reader = Reader()
    frame = a_frame(bytes(2 * SLICE))
    begun = record(encode_frame(frame, 2)) + frame.manifest + record(encode_slice(0, 5)) + b"first"

    given_up = reader.feed(begun + record(encode_end(None)))
    free_bytes = reader.pool.free_bytes
    got = reader.feed_frame(on_the_wire(frame))

    assert given_up == []
    assert free_bytes == 10 * SLICE
    assert bytes(got.slices[0]) == bytes(SLICE)


@pytest.mark.parametrize("before", [b"", record(encode_frame(a_frame(bytes(SLICE)), 1)) + b"manifest"])
def test_an_end_that_is_not_due_is_refused(before: bytes) -> None:
    with pytest.raises(RemoteWireError, match="ends"):
        Reader().feed(before + record(encode_end(TRAILER)))


def test_an_end_with_an_unknown_status_is_refused() -> None:
    with pytest.raises(RemoteWireError, match="status 9"):
        Reader().feed(record(encode_frame(a_frame(b""), 0)) + b"manifest" + record(bytes([Kind.END, 9]) + bytes(7)))


@pytest.mark.parametrize("portion", [1, 7, 1 << 30])
def test_slices_of_one_size_may_be_announced_together(portion: int) -> None:
    sent = a_frame(bytes(i % 251 for i in range(4 * SLICE)))
    parts = [record(encode_frame(sent, 4)), sent.manifest, record(encode_slice(0, SLICE))]
    parts += [bytes(sent.slices[0]), record(encode_slice(1, SLICE, run=3)), *map(bytes, sent.slices[1:])]

    got = Reader().feed_frame(b"".join([*parts, record(encode_end(TRAILER))]), portion)

    assert [bytes(view) for view in got.slices] == [bytes(view) for view in sent.slices]
