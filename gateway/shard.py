"""A shard is a piece of the listing; the source gateway that holds it expands it and coordinates its objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

# What a 64-bit offset can say; a shard comes from outside.
_MOST_BYTES = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One object of a listing, as the source store reported it.

    ``key`` is the source key; ``suffix`` is what every destination appends to its own
    prefix (`gateway.mapping`). ``version`` is opaque (ETag, or mtime and size of a file):
    a read that meets another version raises `SourceChanged`.
    """

    key: str
    suffix: str
    size_bytes: Annotated[int, Meta(ge=0, le=_MOST_BYTES)]
    version: str
    mtime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """
    A few thousand objects of one partition, in the order of their keys' UTF-8 bytes.

    ``destinations`` names those the shard is for, by their index in the partition's job: all of them
    in a first run, fewer when a resumed transfer repeats only what one destination lacks.
    ``again`` says that an earlier run of the same transfer may have written some of these objects,
    so that what stands there since ``transfer_started_s`` is no conflict.
    """

    shard_id: str
    partition: str
    entries: tuple[Entry, ...]
    destinations: tuple[Annotated[int, Meta(ge=0)], ...]
    again: bool = False

    @property
    def size_bytes(self) -> int:
        """The bytes of all entries."""
        return sum(entry.size_bytes for entry in self.entries)
