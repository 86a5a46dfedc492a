"""What a gateway has to tell its client: a bounded log of numbered events, and the counters."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from gateway.journal import Journal
from gateway.shard import Shard

_log = logging.getLogger(__name__)
# An event is some 300 bytes, so this is at most 20 MiB. A client that follows forgets them as it goes; one that is
# away longer sees by a gap in ``seq`` that events are gone (marks of later events say the same again).
RETAINED = 65_536

COUNTERS = ("bytes_read", "bytes_sent", "bytes_received", "bytes_written", "frames_resent")


class Events:
    """
    Number events, keep them until the client has them, and wake those that follow.

    News that are worth only a summary (marks, counters) are not events until somebody asks: whoever holds them
    registers with `summarise`, and `changed` says that there are some.
    """

    def __init__(self, journal: Journal | None = None, *, retained: int = RETAINED) -> None:
        self._lock = threading.Lock()
        self._log: deque[dict[str, Any]] = deque(maxlen=retained)
        self._seq = 0
        self._journal = journal
        self._summaries: list[Callable[[], None]] = []
        self._wakers: list[Callable[[], None]] = []

    def begin(self, shard: Shard) -> None:
        """Note in the journal that *shard* is begun; its events then mean something there."""
        with self._lock:
            self._note(lambda journal: journal.begin(shard))

    def emit(self, kind: str, **fields: Any) -> None:
        """Append an event. Never blocks."""
        with self._lock:
            self._seq += 1
            event = {"seq": self._seq, "kind": kind, **fields}
            self._log.append(event)
            self._note(lambda journal: journal.event(event))
        self.changed()

    def _note(self, write: Callable[[Journal], None]) -> None:
        if self._journal is None:
            return
        try:
            write(self._journal)
        except OSError as error:
            # The transfer must not end because the disk of a gateway is full: its client keeps a journal too.
            _log.warning("the journal ends here: %s", error)
            self._journal = None

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the events after *seq*, summaries included, and forget those up to it."""
        for summarise in self._summaries:
            summarise()
        with self._lock:
            while self._log and self._log[0]["seq"] <= seq:
                self._log.popleft()
            return list(self._log)

    def summarise(self, emit_summary: Callable[[], None]) -> None:
        """Call *emit_summary* before events are read, so that it can `emit` what has gathered."""
        self._summaries.append(emit_summary)

    def changed(self) -> None:
        """Wake those that follow."""
        for wake in tuple(self._wakers):
            wake()

    def follow(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call *wake*, from any thread, when there is news; return what ends that."""
        with self._lock:
            self._wakers = [*self._wakers, wake]

        def unfollow() -> None:
            with self._lock:
                self._wakers = [waker for waker in self._wakers if waker is not wake]

        return unfollow


class Counters:
    """Count bytes and frames from any thread; a change becomes one "counters" event when somebody reads events."""

    def __init__(self, events: Events) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(COUNTERS, 0)
        self._told = dict(self._values)
        self._events = events
        events.summarise(self._summarise)

    def add(self, name: str, amount: int) -> None:
        """Add *amount* to one of `COUNTERS`."""
        with self._lock:
            self._values[name] += amount
        self._events.changed()

    def read(self) -> dict[str, int]:
        """Return all counters."""
        with self._lock:
            return dict(self._values)

    def _summarise(self) -> None:
        with self._lock:
            values = dict(self._values)
            news, self._told = values != self._told, values
        if news:
            self._events.emit("counters", **values)
