from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chunk import cut
from gateway.delivery.letters import Completed, Letter, Opened, Receipt, Received, kind_of, pack
from gateway.delivery.payload import FrameBuilder, Sealing
from gateway.program import Settings
from gateway.units import GIB, KIB, MIB
from gateway.wire.codecs import seal_message
from gateway.wire.frame import Message, Piece
from gateway.wire.pool import Pool
from gateway.wire.records import HEAD_BYTES, encode_ack, encode_end, encode_frame, encode_message
from skytf.model.span import Span
from skytf.volume.pieces import answer_bytes, pieces_of, wire_bytes
from tests.skytf.hand import assumed, surveyed

SETTINGS = Settings()  # chunks of 64 MiB, whole up to 128 MiB
SIZES = st.one_of(st.integers(0, 300 * MIB), st.integers(0, 40 * GIB), st.integers(600 * GIB, 6 << 40))


def test_small_objects_travel_whole() -> None:
    found = pieces_of(surveyed(0, 1, 5 * MIB, 128 * MIB), SETTINGS)

    assert found.whole == Span.exactly(4)
    assert found.cut == found.chunks == Span.exactly(0)
    assert found.whole_bytes == Span.exactly(133 * MIB + 1)
    assert found.filled == Span.exactly(3)


def test_no_more_objects_are_filled_than_there_are_bytes() -> None:
    assert pieces_of(assumed(1_000, 3), SETTINGS).filled == Span(1, 3, 3)
    assert pieces_of(assumed(1_000, 0), SETTINGS).filled == Span.exactly(0)


def test_large_objects_are_cut() -> None:
    """640 MiB are ten chunks; of a class (512 MiB, 1 GiB] with so many bytes there may be up to eleven."""
    found = pieces_of(surveyed(640 * MIB), SETTINGS)

    assert found.cut == Span.exactly(1)
    assert found.chunks == Span(10, 10, 11)


def test_one_object_that_is_assumed_has_its_size() -> None:
    found = pieces_of(assumed(1, 640 * MIB), SETTINGS)

    assert found.chunks == Span(10, 10, 11)
    assert found.whole == Span.exactly(0)


def test_of_assumed_objects_only_the_average_is_known() -> None:
    """100 objects of 200 MiB on average: four chunks each, or all but a few empty."""
    found = pieces_of(assumed(100, 20_000 * MIB), SETTINGS)

    assert found.pieces.likely == 400
    assert found.pieces.high == 100 + 20_000 / 64
    # 100 x 128 MiB could be whole; the other 7,200 MiB are 112.5 chunks at least
    assert (found.chunks.low, found.pieces.low) == (112.5, 112.5)


def test_objects_that_are_larger_than_any_can_be_keep_the_bounds_in_order() -> None:
    for survey in (assumed(1, 60 * 10**12), assumed(2, 200 * 10**12)):
        chunks = pieces_of(survey, SETTINGS).chunks

        assert chunks.low <= (chunks.likely or 0) <= (chunks.high or 0)


def test_nothing_is_nothing() -> None:
    found = pieces_of(surveyed(), SETTINGS)

    assert found.pieces == Span.exactly(0)
    assert wire_bytes(found, SETTINGS) == Span.exactly(0)


@settings(deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=6), st.sampled_from([5 * MIB, 64 * MIB]), st.sampled_from([0, 128 * MIB]))
def test_the_bounds_hold_whatever_the_sizes_are(sizes: list[int], chunk_bytes: int, threshold_bytes: int) -> None:
    wanted = replace(SETTINGS, chunk_bytes=chunk_bytes, threshold_bytes=threshold_bytes)
    chunks = [cut(size, chunk_bytes=chunk_bytes, threshold_bytes=threshold_bytes) for size in sizes]
    whole = sum(one[0].number == 0 for one in chunks)
    truth = {
        "pieces": sum(map(len, chunks)),
        "whole": whole,
        "cut": len(sizes) - whole,
        "chunks": sum(len(one) for one in chunks if one[0].number),
        "whole_bytes": sum(one[0].size_bytes for one in chunks if one[0].number == 0),
        "filled": sum(one[0].number == 0 and one[0].size_bytes > 0 for one in chunks),
    }

    for survey in (surveyed(*sizes), assumed(len(sizes), sum(sizes))):
        found = pieces_of(survey, wanted)

        for name, value in truth.items():
            span = getattr(found, name)
            assert span.low <= value <= span.high + 1e-6, (name, span, value)
            assert span.low <= span.likely <= span.high, (name, span)


@settings(deadline=None)  # 10,000 chunks take their time
@given(SIZES)
def test_an_object_is_counted_as_it_is_cut(size: int) -> None:
    chunks = cut(size, chunk_bytes=SETTINGS.chunk_bytes, threshold_bytes=SETTINGS.threshold_bytes)

    assert pieces_of(assumed(1, size), SETTINGS).pieces.likely == len(chunks)


@pytest.mark.parametrize("compression", ["lz4", "none"])
def test_frames_around_large_chunks_are_next_to_nothing(compression: str) -> None:
    settings = replace(SETTINGS, compression=compression)
    wire = wire_bytes(pieces_of(surveyed(100 * GIB), settings), settings)

    assert wire.low == 100 * GIB
    assert wire.likely is not None
    assert wire.likely / wire.low == pytest.approx(1.00005, abs=5e-6)


def test_where_nothing_is_replaced_cut_objects_may_not_move_at_all() -> None:
    settings = replace(SETTINGS, if_exists="skip")
    wire = wire_bytes(pieces_of(surveyed(MIB, GIB), settings), settings)

    assert wire.low == MIB
    assert wire.likely is not None
    assert wire.likely > MIB + GIB


def test_the_frames_of_small_objects_are_counted_as_they_are_sent() -> None:
    """Against the wire itself: a batch of 128 objects of 16 KiB in slices of 1 MiB, with names and attributes."""
    count, size = 128, 16 * KIB
    pool = Pool(8 * MIB, MIB)
    lease = pool.reserve(count * size)
    sealing = Sealing(bytes(32), "t" * 26)
    builder = FrameBuilder(sealing, lease, memoryview(bytearray(MIB)), raw_bytes=count * size)
    for _ in range(count * size // MIB):
        builder.slices.room(MIB)
        builder.slices.advance(MIB)
    attributes = {"content_type": "application/octet-stream", "mtime_s": 1763834400.123456}
    pieces = [
        Piece(f"{n:016x}", f"2026/11/22/part-{n:05}.parquet", 0, size, 0, size, attributes=attributes)
        for n in range(count)
    ]
    frame = builder.finish(
        partition="job-0",
        source="aws-us-east-1-0",
        destinations=(0,),
        attempt=1,
        pieces=pieces,
        digests=[2**63] * count,
    )
    slices = math.ceil(count * size / MIB)
    records = 2 * (4 + 17) + len(encode_frame(frame, slices)) + len(encode_end(frame.trailer))
    sent = records + frame.wire_bytes + slices * HEAD_BYTES

    found = wire_bytes(pieces_of(surveyed(size, times=count), SETTINGS), SETTINGS)

    assert found.likely is not None
    assert found.high is not None
    assert found.low <= sent <= found.likely <= found.high
    frame.release()


def test_the_answers_to_a_cut_object_are_counted_as_they_are_sent() -> None:
    """Against the wire itself: 10 chunks, each with its acknowledgement and receipt; opened and completed."""
    token, etag = "t" * 100, f'"{"0" * 32}"'
    body = {"partition": "job-0", "destination": 0}
    received = Received(
        object_id="0" * 16, number=1, etag=etag, size_bytes=64 * MIB, crc64nvme=2**63, token=token, skipped=False
    )
    opened = Opened(
        **body, object_id="0" * 16, attempt=1, destination_key="k" * 60, token=token, if_absent=False, skipped=False
    )
    done = Completed(**body, object_id="0" * 16, attempt=1, size_bytes=640 * MIB, crc64nvme=2**63, skipped=False)
    letters = [Receipt(**body, items=(received,))] * 10 + [opened, done]
    sent = sum(4 + 17 + len(encode_message(_message(one))) for one in letters) + 10 * (
        4 + 17 + len(encode_ack(bytes(16)))
    )

    found = answer_bytes(pieces_of(surveyed(640 * MIB), SETTINGS), destinations=1)

    assert found.likely is not None
    assert sent / 2 < found.likely < sent * 2
    assert found.high is not None
    assert sent < found.high
    assert answer_bytes(pieces_of(surveyed(640 * MIB), SETTINGS), destinations=3).likely == 3 * found.likely


def _message(letter: Letter) -> Message:
    kind = kind_of(letter)
    to, sender = "aws-us-east-1-0", "gcp-us-central1-0"
    return Message(to, sender, kind, seal_message(bytes(32), "t" * 26, to, sender, kind, pack(letter)))
