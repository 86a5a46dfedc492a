"""Frames count their users; manifests say what is in them."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from gateway.errors import IntegrityError, LocalWireError
from gateway.wire.frame import (
    RUN_SLICES,
    Announced,
    Frame,
    Piece,
    decode_manifest,
    decode_trailer,
    encode_manifest,
    encode_trailer,
)
from gateway.wire.pool import Pool, Scratch


def a_frame(pool: Pool) -> Frame:
    lease = pool.reserve(150)
    return Frame(b"i" * 16, "p", "a", (0, 1), 1, 150, b"s" * 32, b"manifest", [v[:10] for v in lease.slices], lease)


def test_the_last_user_gives_the_memory_back() -> None:
    pool = Pool(1000, 100)
    frame = a_frame(pool).retain(2)

    frame.release()
    frame.release()
    assert pool.free_bytes == 800
    frame.release()

    assert pool.free_bytes == 1000
    assert frame.slices == []


def test_a_frame_that_is_gone_can_neither_be_kept_nor_released() -> None:
    frame = a_frame(Pool(1000, 100))
    frame.release()

    with pytest.raises(LocalWireError, match="released already"):
        frame.release()
    with pytest.raises(LocalWireError, match="released already"):
        frame.retain()


def test_wire_bytes_count_manifest_and_slices() -> None:
    assert a_frame(Pool(1000, 100)).wire_bytes == len(b"manifest") + 2 * 10


@pytest.mark.parametrize(
    ("field", "value"),
    [("partition", "q"), ("source", "b"), ("destinations", (1,)), ("attempt", 2), ("raw_bytes", 151)],
)
def test_the_binding_changes_with_every_field_that_a_relay_could_alter(field: str, value: object) -> None:
    frame = a_frame(Pool(1000, 100))

    altered = dataclasses.replace(frame, **{field: value})

    assert altered.binding() != frame.binding()


def test_a_manifest_is_what_it_was() -> None:
    whole = Piece("o1", "sub/naïve %20.txt", 0, 5, 0, 5, attributes={"content_type": "text/plain", "mtime_s": 1.5})
    chunk = Piece("o2", "large", 64, 64, 2, 200, token={0: "upload-0", 3: "upload-3"}, again=True)

    assert decode_manifest(encode_manifest([whole, chunk])) == (whole, chunk)
    assert decode_manifest(encode_manifest([])) == ()


@pytest.mark.parametrize("plaintext", [b"", b"garbage", msgspec.msgpack.encode([["too", "short"]])])
def test_what_is_no_manifest_is_an_integrity_error(plaintext: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a manifest"):
        decode_manifest(plaintext)


def test_a_trailer_is_what_it_was() -> None:
    assert decode_trailer(encode_trailer((0, 2**64 - 1)), 2) == (0, 2**64 - 1)


@pytest.mark.parametrize(("plaintext", "pieces"), [(b"", 0), (b"garbage", 1), (encode_trailer((1,)), 2)])
def test_what_is_no_trailer_of_these_pieces_is_an_integrity_error(plaintext: bytes, pieces: int) -> None:
    with pytest.raises(IntegrityError, match="trailer"):
        decode_trailer(plaintext, pieces)


class Writer:
    """A connection that notes what is put on it."""

    def __init__(self) -> None:
        self.scratch = Scratch.of(100)
        self.said: list[tuple[object, ...]] = []

    def begin(self, frame: Announced, slice_count: int) -> None:
        self.said.append(("begin", frame.frame_id, frame.manifest, slice_count))

    def slice(self, index: int, sealed: memoryview, run: int) -> None:
        self.said.append(("slice", index, bytes(sealed), run))

    def end(self, trailer: bytes) -> None:
        self.said.append(("end", trailer))

    def give_up(self) -> None:
        self.said.append(("give up",))


def test_a_frame_goes_on_a_connection_in_order() -> None:
    frame = a_frame(Pool(1000, 100))
    frame.trailer = b"trailer"
    writer = Writer()

    assert frame.send(writer)

    slices = [
        ("slice", index, bytes(view), run) for index, (view, run) in enumerate(zip(frame.slices, (2, 0), strict=True))
    ]
    assert writer.said == [("begin", frame.frame_id, b"manifest", 2), *slices, ("end", b"trailer")]


def test_slices_of_one_size_are_announced_together_up_to_a_limit() -> None:
    frame = a_frame(Pool(1000, 100))
    frame.slices = [memoryview(bytes(size)) for size in (5, 9, 9, 9, *[7] * (RUN_SLICES + 2), 3)]
    writer = Writer()

    frame.send(writer)

    runs = [said[3] for said in writer.said if said[0] == "slice"]
    assert runs == [1, 3, 0, 0, RUN_SLICES, *[0] * (RUN_SLICES - 1), 2, 0, 1]
