"""Cut a listing into shards, and remember of each handed-out shard what is settled. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from threading import Condition

from gateway.shard import Entry, Shard
from gateway.units import GIB, MIB

MAX_ENTRIES = 1_000
MAX_SHARD_BYTES = 8 * GIB
MIN_SHARD_BYTES = 64 * MIB
# Shards per source gateway that the sizes aim at, so that a slow gateway holds back little.
SHARDS_PER_GATEWAY = 8
# The same for what stands for a much larger listing.
REHEARSED_PER_GATEWAY = 64


def shard_bytes_for(
    total_bytes: int, *, gateways: int, each: int = SHARDS_PER_GATEWAY, least_bytes: int = MIN_SHARD_BYTES
) -> int:
    """Return how many bytes a shard should hold, at least *least_bytes*, so that every gateway gets *each*."""
    return min(max(total_bytes // (gateways * each), least_bytes), MAX_SHARD_BYTES)


def cut_shards(
    entries: Iterable[Entry],
    *,
    partition: str,
    destinations: tuple[int, ...],
    shard_bytes: int,
    run: str,
    again: Callable[[Entry], bool] = lambda _: False,
    missing: Callable[[Entry], tuple[int, ...]] | None = None,
    max_entries: int = MAX_ENTRIES,
) -> Iterator[Shard]:
    """
    Yield shards of at most *max_entries* and about *shard_bytes*, in the order of *entries*.

    *missing* says for which destinations an entry still has to be moved (none: it is left out); entries with
    different answers, or a different *again*, never share a shard. *run* makes the ids of a resumed transfer new.
    """
    held: list[Entry] = []
    size_bytes = number = 0
    kind: tuple[tuple[int, ...], bool] = (destinations, False)

    def shard() -> Shard:
        return Shard(f"{partition}/{run}/{number}", partition, tuple(held), kind[0], again=kind[1])

    for entry in entries:
        wanted = (destinations if missing is None else missing(entry), again(entry))
        if not wanted[0]:
            continue
        if held and (wanted != kind or len(held) == max_entries or size_bytes + entry.size_bytes > shard_bytes):
            yield shard()
            held, size_bytes, number = [], 0, number + 1
        kind = wanted
        held.append(entry)
        size_bytes += entry.size_bytes
    if held:
        yield shard()


@dataclass(slots=True)
class Handed:
    """
    A shard that a gateway holds, and per destination what of it is settled.

    Keys are ordered by their UTF-8 bytes, which is the order of Python strings.
    """

    shard: Shard
    gateway: str
    watermarks: dict[int, str] = field(default_factory=dict)
    beyond: dict[int, set[str]] = field(default_factory=dict)
    partial_bytes: dict[int, int] = field(default_factory=dict)

    def mark(self, destination: int, watermark: str, beyond: Iterable[str]) -> None:
        """Take a gateway's word that all keys up to *watermark*, and those *beyond*, are settled."""
        keys = self.beyond.setdefault(destination, set())
        keys.update(beyond)
        if watermark:
            self.watermarks[destination] = watermark
            keys.difference_update({key for key in keys if key <= watermark})

    def remainder(self, run: str) -> Iterator[Shard]:
        """
        Yield shards for what is not settled at some destination.

        Entries with different destinations never share a shard, and a shard's key range holds nothing of
        another's: the journal reads a watermark as "all up to here".
        """
        lacking = ((self._missing(entry), entry) for entry in self.shard.entries)
        runs = groupby((pair for pair in lacking if pair[0]), key=itemgetter(0))
        for number, (destinations, pairs) in enumerate(runs):
            shard_id = f"{self.shard.shard_id}+{run}.{number}"
            entries = tuple(entry for _, entry in pairs)
            yield replace(self.shard, shard_id=shard_id, entries=entries, destinations=destinations, again=True)

    def _missing(self, entry: Entry) -> tuple[int, ...]:
        return tuple(d for d in self.shard.destinations if not self._settled(d, entry.key))

    def _settled(self, destination: int, key: str) -> bool:
        watermark = self.watermarks.get(destination, "")
        return (bool(watermark) and key <= watermark) or key in self.beyond.get(destination, ())


class PendingShards:
    """Shards that wait for a gateway: at most *limit* from the listing, so that a slow fleet slows the listing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._shards: deque[Shard] = deque()
        self._changed = Condition()
        self._closed = False

    def put(self, shard: Shard) -> bool:
        """Wait for a place and add *shard*; False after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._shards) < self._limit)
            if self._closed:
                return False
            self._shards.append(shard)
            self._changed.notify_all()
            return True

    def put_back(self, shards: Iterable[Shard]) -> None:
        """Add what a lost gateway held, at the front and without waiting."""
        with self._changed:
            self._shards.extendleft(shards)
            self._changed.notify_all()

    def take(self) -> Shard | None:
        """Wait for a shard; None after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._shards))
            if self._closed:
                return None
            shard = self._shards.popleft()
            self._changed.notify_all()
            return shard

    def close(self) -> None:
        """Let every waiting thread go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
