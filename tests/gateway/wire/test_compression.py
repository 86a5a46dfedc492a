"""What shrinks is packed; what does not is left alone by itself, and only until it begins to shrink."""

from __future__ import annotations

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import IntegrityError, LocalWireError
from gateway.units import KIB, MIB
from gateway.wire.compression import LONG_EVERY, LZ4, ZSTD, Compressor, compressor, pack_small, unpack

CODECS = pytest.mark.parametrize(("codec", "number"), [("lz4", LZ4), ("zstd", ZSTD)])
SLICE = MIB
NOISE = memoryview(random.Random(1).randbytes(SLICE))
WORDS = memoryview(b"the gateway packs what is worth it, and leaves the rest alone. " * (SLICE // 60 + 1))[:SLICE]
# No 4 KiB of it repeat anything; a copy of each 40 KiB follows on it.
FAR = memoryview(bytes(NOISE[: 40 * KIB]) * (SLICE // (40 * KIB) + 1))[:SLICE]


def count_packing(packer: Compressor) -> list[int]:
    """Return a list that grows by the bytes of everything *packer* tries to pack."""
    tried: list[int] = []
    pack = packer._pack

    def counting(plaintext: memoryview) -> bytes:
        tried.append(len(plaintext))
        return pack(plaintext)

    packer._pack = counting
    return tried


@CODECS
@settings(deadline=None, max_examples=30)
@given(plaintext=st.one_of(st.binary(max_size=2000), st.binary(max_size=8).map(lambda part: part * 400)))
def test_what_is_packed_unpacks_again(codec: str, number: int, plaintext: bytes) -> None:
    packed = Compressor(codec).pack(memoryview(plaintext))

    assert packed is None or (unpack(number, packed, len(plaintext)) == plaintext and len(packed) < len(plaintext))


@CODECS
def test_words_shrink(codec: str, number: int) -> None:
    packer = Compressor(codec)

    packed = [packer.pack(WORDS) for _ in range(3)]

    assert all(each is not None and len(each) < SLICE // 4 for each in packed)
    assert packer.number == number


@CODECS
def test_noise_is_hardly_looked_at(codec: str, number: int) -> None:
    packer = Compressor(codec)
    tried = count_packing(packer)

    packed = [packer.pack(NOISE) for _ in range(2 * LONG_EVERY)]

    assert set(packed) == {None}
    assert tried.count(SLICE) == 1  # the first
    assert sum(tried) < 0.03 * len(packed) * SLICE


@CODECS
def test_the_first_slice_that_shrinks_after_noise_is_packed(codec: str, number: int) -> None:
    packer = Compressor(codec)
    for _ in range(10):
        packer.pack(NOISE)

    packed = packer.pack(WORDS)

    assert packed is not None
    assert unpack(number, packed, SLICE) == WORDS


@CODECS
def test_half_a_slice_of_words_is_enough(codec: str, number: int) -> None:
    packer = Compressor(codec)
    packer.pack(NOISE)

    packed = packer.pack(memoryview(bytes(NOISE[: SLICE // 2]) + bytes(WORDS[: SLICE // 2])))

    assert packed is not None


@pytest.mark.parametrize("period_bytes", [64 * KIB, 128 * KIB, 256 * KIB])
def test_noise_that_repeats_in_step_with_the_sample_is_hardly_looked_at(period_bytes: int) -> None:
    packer = Compressor("lz4")
    noise = memoryview(bytes(NOISE[:period_bytes]) * (SLICE // period_bytes))
    tried = count_packing(packer)

    for _ in range(LONG_EVERY):
        packer.pack(noise)

    assert tried.count(SLICE) == 1


@CODECS
def test_what_a_sample_cannot_see_is_noticed_within_a_few_slices(codec: str, number: int) -> None:
    packer = Compressor(codec)
    packer.pack(NOISE)

    packed = [packer.pack(FAR) for _ in range(LONG_EVERY + 5)]

    assert packed[0] is None
    assert all(each is not None for each in packed[LONG_EVERY - 1 :])


def test_short_slices_are_always_tried() -> None:
    packer = Compressor("lz4")
    short = 100 * KIB
    packer.pack(NOISE[:short])
    tried = count_packing(packer)

    for _ in range(3):
        packer.pack(NOISE[:short])

    assert tried == [short] * 3


def test_each_thread_has_a_state_of_its_own() -> None:
    packer = Compressor("zstd")
    for _ in range(2):
        packer.pack(NOISE)

    with ThreadPoolExecutor(1) as other:
        sampled_there = other.submit(lambda: packer._sampled).result()

    assert (packer._sampled, sampled_there) == (1, 0)


def test_none_packs_nothing() -> None:
    assert compressor("none") is None


def test_a_manifest_is_packed_only_if_that_makes_it_smaller() -> None:
    packed = pack_small(memoryview(b"key" * 100))

    assert packed is not None
    assert unpack(LZ4, packed, 300) == b"key" * 100
    assert pack_small(NOISE[:100]) is None


@CODECS
def test_what_is_larger_than_expected_is_not_unpacked(codec: str, number: int) -> None:
    packed = Compressor(codec).pack(WORDS)
    assert packed is not None

    with pytest.raises(IntegrityError, match=f"has {SLICE} bytes, expected at most {SLICE - 1}"):
        unpack(number, packed, SLICE - 1)


@pytest.mark.parametrize(
    ("number", "claims"),
    [(LZ4, b"\xff\xff\xff\xff"), (ZSTD, b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little"))],
    ids=["lz4", "zstd"],
)
def test_a_claim_of_a_huge_size_takes_no_memory(number: int, claims: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"has \d+ bytes, expected at most"):
        unpack(number, claims + b"\0" * 20, SLICE)


@CODECS
@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"", lambda b: b[:2], lambda b: b[:9]]
)
def test_damage_is_an_integrity_error(codec: str, number: int, damage: object) -> None:
    packed = Compressor(codec).pack(WORDS)
    assert packed is not None
    assert callable(damage)

    with pytest.raises(IntegrityError):
        unpack(number, damage(packed), SLICE)


def test_a_gateway_without_zstd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with pytest.raises(LocalWireError, match="zstd is not installed"):
        compressor("zstd")


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_every_thread_knows_whether_the_last_slice_shrank(codec: str) -> None:
    packer = compressor(codec)
    assert packer is not None
    seen = [packer.verdict.packs]

    for content in (NOISE, bytes(SLICE)):
        thread = threading.Thread(target=packer.pack, args=(memoryview(content),))
        thread.start()
        thread.join()
        seen.append(packer.verdict.packs)

    assert seen == [True, False, True]
