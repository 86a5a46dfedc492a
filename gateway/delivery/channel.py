"""A bounded queue that can be closed: what stands between two kinds of threads of a gateway."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from gateway.errors import Stopped

T = TypeVar("T")


class Channel(Generic[T]):
    """
    Hand items from threads to threads, at most *capacity* of them waiting.

    After `close` nothing goes in and nothing comes out: both ends raise `Stopped`, also those that wait.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T, timeout_s: float | None = None) -> bool:
        """
        Add *item*, waiting for room; return whether there was any within *timeout_s* (None: as long as it takes).

        Raises:
            Stopped: The channel is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity, timeout_s)
            if self._closed:
                raise Stopped("this queue is closed")
            if len(self._items) >= self._capacity:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self) -> T:
        """
        Take the oldest item, waiting for one.

        Raises:
            Stopped: The channel is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items))
            if self._closed:
                raise Stopped("this queue is closed")
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> list[T]:
        """Refuse further items, wake everyone, and return what was still waiting."""
        with self._changed:
            self._closed = True
            left = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return left
