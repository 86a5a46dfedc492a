"""Shards add up."""

from __future__ import annotations

from gateway.shard import Entry, Shard


def test_a_shard_has_the_bytes_of_its_entries() -> None:
    entries = tuple(Entry(key=f"a/{size}", suffix=f"{size}", size_bytes=size, version="1") for size in (0, 3, 4))

    shard = Shard("shard-1", "job-1", entries, destinations=(0,))

    assert shard.size_bytes == 7
    assert Shard("shard-2", "job-1", (), destinations=(0,)).size_bytes == 0
