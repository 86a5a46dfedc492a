"""Sealing keeps what it says: nothing altered, reordered, cut short or taken from another frame can be opened."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import IntegrityError, LocalWireError
from gateway.wire.ciphers import AES256GCM, XCHACHA20POLY1305
from gateway.wire.codecs import (
    MANIFEST_INDEX,
    MAX_MANIFEST_BYTES,
    MAX_TRAILER_BYTES,
    TRAILER_INDEX,
    FrameOpener,
    FrameSealer,
    combine_crc64nvme,
    crc64nvme,
    open_message,
    seal_message,
)
from gateway.wire.compression import Compressor
from gateway.wire.pool import OVERHEAD

KEY, OTHER_KEY = b"k" * 32, b"K" * 32
FRAME = b"f" * 16


def seal(
    plaintext: bytes,
    *,
    index: int = 0,
    final: bool = True,
    codec: str | None = "lz4",
    cipher: int = AES256GCM,
) -> tuple[FrameSealer, bytearray]:
    sealer = FrameSealer(KEY, "t", FRAME, cipher=cipher)
    out = bytearray(len(plaintext) + OVERHEAD)
    used = sealer.seal(index, final, memoryview(plaintext), memoryview(out), codec and Compressor(codec))
    return sealer, out[:used]


def open_slice(opener: FrameOpener, sealed: bytes, *, index: int = 0, final: bool = True, room: int = 4096) -> bytes:
    out = memoryview(bytearray(room))
    return bytes(out[: opener.open(index, final, memoryview(sealed), out)])


@settings(deadline=None, max_examples=50)
@given(
    plaintext=st.one_of(st.binary(max_size=4096), st.binary(max_size=8).map(lambda b: b * 500)),
    codec=st.sampled_from(["lz4", "zstd", None]),
    cipher=st.sampled_from([AES256GCM, XCHACHA20POLY1305]),
)
def test_what_is_sealed_opens_again(plaintext: bytes, codec: str | None, cipher: int) -> None:
    sealer, sealed = seal(plaintext, codec=codec, cipher=cipher)

    assert open_slice(FrameOpener(KEY, "t", FRAME, sealer.salt), sealed) == plaintext
    assert len(sealed) <= len(plaintext) + OVERHEAD


def test_what_compresses_gets_smaller_and_what_does_not_stays() -> None:
    assert len(seal(b"a" * 4000)[1]) < 100
    assert len(seal(os.urandom(4000))[1]) == 4000 + OVERHEAD
    assert len(seal(b"a" * 4000, codec=None)[1]) == 4000 + OVERHEAD


@pytest.mark.parametrize(
    ("codec", "cipher", "first"),
    [
        (None, AES256GCM, 0x00),
        ("lz4", AES256GCM, 0x01),
        ("zstd", XCHACHA20POLY1305, 0x12),
        (None, XCHACHA20POLY1305, 0x10),
    ],
)
def test_the_first_byte_says_cipher_and_codec(codec: str | None, cipher: int, first: int) -> None:
    _, sealed = seal(b"a" * 4000, codec=codec, cipher=cipher)

    assert sealed[0] == first


@pytest.mark.parametrize("cipher", [AES256GCM, XCHACHA20POLY1305])
@pytest.mark.parametrize(("position", "bit"), [(0, 1), (0, 2), (0, 4), (0, 0x10), (0, 0x80), (1, 1), (50, 1), (-1, 1)])
def test_one_changed_bit_is_noticed(position: int, bit: int, cipher: int) -> None:
    sealer, sealed = seal(os.urandom(100), cipher=cipher)
    sealed[position] ^= bit

    with pytest.raises(IntegrityError):
        open_slice(FrameOpener(KEY, "t", FRAME, sealer.salt), sealed)


@pytest.mark.parametrize(
    ("key", "transfer", "frame_id", "index", "final"),
    [
        (OTHER_KEY, "t", FRAME, 0, True),
        (KEY, "u", FRAME, 0, True),
        (KEY, "t", b"g" * 16, 0, True),
        (KEY, "t", FRAME, 1, True),
        (KEY, "t", FRAME, 0, False),
    ],
    ids=["key", "transfer", "frame", "place", "end"],
)
def test_a_slice_opens_only_where_it_belongs(
    key: bytes, transfer: str, frame_id: bytes, index: int, final: bool
) -> None:
    sealer, sealed = seal(b"plaintext")

    with pytest.raises(IntegrityError):
        open_slice(FrameOpener(key, transfer, frame_id, sealer.salt), sealed, index=index, final=final)


def test_a_slice_that_was_cut_to_nothing_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="no sealed slice"):
        open_slice(FrameOpener(KEY, "t", FRAME, bytes(32)), b"\0" * (OVERHEAD - 1))


@pytest.mark.parametrize("codec", ["lz4", "zstd", None])
def test_a_slice_larger_than_expected_is_refused_before_it_is_unpacked(codec: str | None) -> None:
    sealer, sealed = seal(b"a" * 4000, codec=codec)

    with pytest.raises(IntegrityError, match="4000 bytes, expected at most 3999"):
        open_slice(FrameOpener(KEY, "t", FRAME, sealer.salt), sealed, room=3999)


def test_an_index_cannot_be_sealed_twice() -> None:
    sealer, _ = seal(b"once")

    with pytest.raises(LocalWireError, match="sealed already"):
        sealer.seal(0, True, memoryview(b"twice"), memoryview(bytearray(100)), None)


def test_a_slice_that_does_not_fit_is_our_own_mistake() -> None:
    with pytest.raises(LocalWireError, match="does not fit"):
        FrameSealer(KEY, "t", FRAME).seal(0, True, memoryview(bytes(10)), memoryview(bytearray(26)), None)


def test_two_frames_of_the_same_bytes_have_nothing_in_common() -> None:
    assert seal(b"a" * 100)[1][1:] != seal(b"a" * 100)[1][1:]


@pytest.mark.parametrize("plaintext", [b"", b"pieces", b"pieces" * 1000])
def test_a_manifest_opens_with_the_header_it_was_sealed_with(plaintext: bytes) -> None:
    sealer = FrameSealer(KEY, "t", FRAME)
    sealed = sealer.seal_manifest(plaintext, b"header")
    opener = FrameOpener(KEY, "t", FRAME, sealer.salt)

    assert opener.open_manifest(sealed, b"header") == plaintext
    with pytest.raises(IntegrityError):
        opener.open_manifest(sealed, b"another header")
    with pytest.raises(IntegrityError):
        open_slice(opener, sealed, index=MANIFEST_INDEX)


def test_a_manifest_over_the_limit_is_refused() -> None:
    with pytest.raises(LocalWireError, match="over the limit"):
        FrameSealer(KEY, "t", FRAME).seal_manifest(bytes(MAX_MANIFEST_BYTES + 1))


@pytest.mark.parametrize("plaintext", [b"", b"digests", b"digests" * 1000])
def test_a_trailer_opens_as_the_trailer_of_its_frame_only(plaintext: bytes) -> None:
    sealer = FrameSealer(KEY, "t", FRAME)
    sealed = sealer.seal_trailer(plaintext, b"status")
    opener = FrameOpener(KEY, "t", FRAME, sealer.salt)

    assert opener.open_trailer(sealed, b"status") == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD
    with pytest.raises(IntegrityError):
        opener.open_trailer(sealed, b"another status")
    with pytest.raises(IntegrityError):
        opener.open_manifest(sealed, b"status")
    with pytest.raises(IntegrityError):
        FrameOpener(KEY, "t", b"g" * 16, sealer.salt).open_trailer(sealed, b"status")
    with pytest.raises(LocalWireError, match="sealed already"):
        sealer.seal_trailer(plaintext)


def test_a_slice_of_the_same_index_is_no_trailer() -> None:
    sealer, sealed = seal(b"digests", index=TRAILER_INDEX, final=False)

    with pytest.raises(IntegrityError):
        FrameOpener(KEY, "t", FRAME, sealer.salt).open_trailer(bytes(sealed))


def test_a_trailer_over_the_limit_is_refused() -> None:
    with pytest.raises(LocalWireError, match="over the limit"):
        FrameSealer(KEY, "t", FRAME).seal_trailer(bytes(MAX_TRAILER_BYTES + 1))


@pytest.mark.parametrize("change", ["to", "sender", "kind", "transfer_id"])
def test_a_message_opens_only_as_it_was_addressed(change: str) -> None:
    fields = {"transfer_id": "t", "to": "a", "sender": "b", "kind": "receipt"}
    seal_bytes = seal_message(KEY, body=b"body", **fields)

    assert open_message(KEY, seal=seal_bytes, **fields) == b"body"
    with pytest.raises(IntegrityError):
        open_message(KEY, seal=seal_bytes, **{**fields, change: "x"})
    with pytest.raises(IntegrityError):
        open_message(OTHER_KEY, seal=seal_bytes, **fields)
    with pytest.raises(IntegrityError):
        open_message(KEY, seal=seal_bytes[:20], **fields)


def test_the_digest_is_crc_64_nvme_and_composes() -> None:
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888
    assert crc64nvme(b"6789", crc64nvme(b"12345")) == crc64nvme(b"123456789")
    assert combine_crc64nvme(crc64nvme(b"12345"), crc64nvme(memoryview(b"6789")), 4) == crc64nvme(b"123456789")
