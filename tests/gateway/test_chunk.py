"""The predecessor's chunking, with its two errors fixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chunk import DEFAULT_CHUNK_BYTES, DEFAULT_THRESHOLD_BYTES, Chunk, cut
from gateway.units import MIB


def cut_default(size_bytes: int, max_parts: int = 10_000) -> list[Chunk]:
    return cut(
        size_bytes, chunk_bytes=DEFAULT_CHUNK_BYTES, threshold_bytes=DEFAULT_THRESHOLD_BYTES, max_parts=max_parts
    )


@pytest.mark.parametrize("size_bytes", [0, 10, 128 * MIB])
def test_up_to_the_threshold_an_object_is_one_chunk(size_bytes: int) -> None:
    assert cut_default(size_bytes) == [Chunk(number=0, offset=0, size_bytes=size_bytes)]


@pytest.mark.parametrize(
    ("size_bytes", "sizes"),
    [
        (128 * MIB + 1, [64 * MIB, 64 * MIB, 1]),
        (300 * MIB + 5, [64 * MIB] * 4 + [46_137_349]),
    ],
)
def test_above_the_threshold_an_object_is_cut(size_bytes: int, sizes: list[int]) -> None:
    chunks = cut_default(size_bytes)

    assert [chunk.size_bytes for chunk in chunks] == sizes
    assert [chunk.number for chunk in chunks] == list(range(1, len(sizes) + 1))


def test_the_most_parts_are_never_exceeded() -> None:
    chunks = cut_default(64 * MIB * 10_000 + 1)

    assert len(chunks) <= 10_000
    assert chunks[0].size_bytes == 65 * MIB


@given(
    size_bytes=st.integers(0, 1 << 45),
    chunk_bytes=st.integers(1, 1 << 30),
    threshold_bytes=st.integers(0, 1 << 30),
    max_parts=st.integers(1, 200),
)
def test_chunks_cover_the_object_once_and_in_order(
    size_bytes: int, chunk_bytes: int, threshold_bytes: int, max_parts: int
) -> None:
    chunks = cut(size_bytes, chunk_bytes=chunk_bytes, threshold_bytes=threshold_bytes, max_parts=max_parts)

    assert len(chunks) <= max_parts
    position = 0
    for chunk in chunks:
        assert chunk.offset == position
        position += chunk.size_bytes
    assert position == size_bytes
