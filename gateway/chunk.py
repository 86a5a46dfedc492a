"""A chunk is a byte range of one object: our unit of work."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.units import MIB

DEFAULT_CHUNK_BYTES = 64 * MIB
DEFAULT_THRESHOLD_BYTES = 128 * MIB
# S3 takes at most 10,000 parts, each but the last of at least 5 MiB
# (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, read 2026-11).
MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * MIB


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    Bytes *offset* … *offset + size_bytes* of an object.

    ``number`` counts from 1, as the parts of a multipart upload do; 0 says that
    the chunk is the whole object and needs no multipart upload.
    """

    number: int
    offset: int
    size_bytes: int


def cut(size_bytes: int, *, chunk_bytes: int, threshold_bytes: int, max_parts: int = MAX_PARTS) -> list[Chunk]:
    """
    Return the chunks of an object of *size_bytes*.

    Up to and including *threshold_bytes* the object is one chunk with number 0,
    the empty object too. Above it, chunks of *chunk_bytes*; where that would give more than
    *max_parts*, of the next larger whole MiB that does not.
    """
    if size_bytes <= threshold_bytes:
        return [Chunk(number=0, offset=0, size_bytes=size_bytes)]
    step = max(chunk_bytes, 1)
    if -(-size_bytes // step) > max_parts:
        step = -(-size_bytes // max_parts)
        step = -(-step // MIB) * MIB
    return [
        Chunk(number=number, offset=offset, size_bytes=min(step, size_bytes - offset))
        for number, offset in enumerate(range(0, size_bytes, step), start=1)
    ]
