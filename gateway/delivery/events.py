"""What a gateway has to tell its client: a bounded log of numbered events, and the counters."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gateway.delivery.open_shards import OpenShards
from gateway.delivery.troubles import Troubles
from gateway.journal import Journal
from gateway.meter import PerThread
from gateway.shard import Shard

_log = logging.getLogger(__name__)
# An event is some 300 bytes, so this is at most 20 MiB. A client that follows forgets them as it goes; one that is
# away longer sees by a gap in ``seq`` that events are gone (marks of later events say the same again).
RETAINED = 65_536

COUNTERS = ("bytes_read", "bytes_sealed", "bytes_written", "frames_resent")
# Peer → bytes on the wire, sent and received.
Traffic: TypeAlias = Callable[[], Mapping[str, tuple[int, int]]]


class Events:
    """
    Number events, keep them until the client has them, and wake those that follow.

    News that are worth only a summary (marks, counters) are not events until somebody asks: whoever holds them
    registers with `summarise`, and `changed` says that there are some.

    ``shards`` are those that are not done; ``troubles`` the last errors, which are kept when events are forgotten.
    """

    def __init__(self, journal: Journal | None = None, *, retained: int = RETAINED) -> None:
        self._lock = threading.Lock()
        self._log: deque[dict[str, Any]] = deque(maxlen=retained)
        self._seq = 0
        self._journal = journal
        self._summaries: list[Callable[[], None]] = []
        self._wakers: list[Callable[[], None]] = []
        self.shards = OpenShards()
        self.troubles = Troubles()

    def begin(self, shard: Shard) -> None:
        """Note in the journal that *shard* is begun; its events then mean something there."""
        if self.shards.begin(shard.shard_id):
            with self._lock:
                self._note(lambda journal: journal.begin(shard))

    def emit(self, kind: str, **fields: Any) -> None:
        """Append an event. Never blocks. A shard of several parts is done when the last of them is."""
        if kind in ("failed", "fatal"):
            self.troubles.add(kind, fields.get("key", ""), fields["error"], fields.get("hint", ""))
        if kind == "shard_done" and not self.shards.done(fields["shard_id"]):
            return
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
    """
    Count bytes, frames and requests from any thread; a change becomes one "counters" event when somebody reads events.

    *traffic* is asked for what passed on the links: the wire counts for itself, by peer. An event of 16 peers and 4
    stores has some 2 KiB, and there are at most four a second.
    """

    def __init__(self, events: Events, traffic: Traffic = dict) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(COUNTERS, 0)
        self._stores: dict[str, PerThread[dict[str, int]]] = {}
        self._told: dict[str, Any] = {}
        self._events = events
        self.traffic = traffic
        self._told = self.read()
        events.summarise(self._summarise)

    def add(self, name: str, amount: int) -> None:
        """Add *amount* to one of `COUNTERS`."""
        with self._lock:
            self._values[name] += amount
        self._events.changed()

    def of_store(self, end: str) -> Callable[[str, int], None]:
        """Return what counts requests and bytes of the store of *end* (``<job id>-source``), each under a name."""
        with self._lock:
            shares = self._stores.setdefault(end, PerThread(dict, _merge))

        def count(name: str, amount: int) -> None:
            counts = shares.mine()
            counts[name] = counts.get(name, 0) + amount

        return count

    def read(self) -> dict[str, Any]:
        """
        Return all counts so far, as they travel.

        Beside `COUNTERS` and the sums ``bytes_sent`` and ``bytes_received`` on the wire these are maps: ``sent_to`` and
        ``received_from`` of peer → bytes, and ``stores`` of end → operation → count.
        """
        traffic = self.traffic()
        sent = {peer: one[0] for peer, one in traffic.items()}
        received = {peer: one[1] for peer, one in traffic.items()}
        with self._lock:
            stores = {end: total for end, shares in self._stores.items() if (total := shares.total())}
            sums = {"bytes_sent": sum(sent.values()), "bytes_received": sum(received.values())}
            return {**self._values, **sums, "sent_to": sent, "received_from": received, "stores": stores}

    def _summarise(self) -> None:
        values = self.read()
        with self._lock:
            news, self._told = values != self._told, values
        if news:
            self._events.emit("counters", **values)


def _merge(total: dict[str, int], counts: dict[str, int]) -> None:
    for name, amount in counts.copy().items():  # copied in one step, whoever goes on counting
        total[name] = total.get(name, 0) + amount
