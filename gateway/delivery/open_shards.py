"""The shards that a gateway has taken and not finished."""

from __future__ import annotations

import threading


class OpenShards:
    """
    Shards by id, each in as many parts as sources work on it (`gateway.operators.mux_and`). Any thread may call.

    A shard that is offered again while it is open is the same one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._parts: dict[str, int] = {}
        self._begun: set[str] = set()
        self._closed = False

    def take(self, shard_id: str) -> bool:
        """Note that a shard is taken; return False, and change nothing, if it is open already."""
        with self._changed:
            if shard_id in self._parts:
                return False
            self._parts[shard_id] = 1
            return True

    def split(self, shard_id: str, parts: int) -> None:
        """One of the parts of a shard becomes *parts*."""
        with self._changed:
            self._parts[shard_id] = self._parts.get(shard_id, 1) + parts - 1

    def forget(self, shard_id: str) -> None:
        """A shard was not taken after all."""
        with self._changed:
            self._drop(shard_id)

    def begin(self, shard_id: str) -> bool:
        """Note that somebody works on a shard; return whether that is news."""
        with self._changed:
            news = shard_id not in self._begun
            if shard_id in self._parts:
                self._begun.add(shard_id)
            return news

    def done(self, shard_id: str) -> bool:
        """Note that a part of a shard is done; return whether all of it is."""
        with self._changed:
            left = self._parts.get(shard_id, 1) - 1
            if left > 0:
                self._parts[shard_id] = left
                return False
            self._drop(shard_id)
            return True

    def __len__(self) -> int:
        with self._changed:
            return len(self._parts)

    def wait(self, timeout_s: float) -> int:
        """Return how many are open once none is, after `close`, or after *timeout_s*."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._parts, timeout_s)
            return len(self._parts)

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drop(self, shard_id: str) -> None:
        self._parts.pop(shard_id, None)
        self._begun.discard(shard_id)
        self._changed.notify_all()
