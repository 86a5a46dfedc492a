"""The coordinator of a source: a ledger and a dialogue, with a lock, a clock and the threads that wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from gateway.chunk import Chunk
from gateway.delivery.dialogue import Dialogue
from gateway.delivery.events import Events
from gateway.delivery.inflight import InFlight, Say, ShardRun, Task, Work
from gateway.delivery.ledger import Ledger, Limits
from gateway.delivery.letters import Letter, Receipt, object_of
from gateway.errors import GatewayError, Stopped
from gateway.program import Settings
from gateway.shard import Shard
from gateway.stores.base import Head


class Coordinator:
    """
    Coordinate the objects of one group of a source gateway. Every method may be called from any thread.

    Memory is bounded by *limits*, whatever the size of the shards: `admit_batch`, `admit_object` and `take` wait.
    *say* sends a letter to a gateway; it is called without any lock held.
    """

    def __init__(
        self,
        sinks: Mapping[str, Mapping[str, Sequence[str]]],
        settings: Settings,
        *,
        say: Callable[[str, Letter], None],
        events: Events,
        limits: Limits | None = None,
    ) -> None:
        self._ledger = Ledger(settings, limits)
        self._dialogue = Dialogue(self._ledger, sinks)
        self._say = say
        self._events = events
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._due = threading.Condition(self._lock)
        self._closed = False
        events.summarise(self.tell_marks)

    @property
    def idle(self) -> bool:
        """Whether no shard is being worked on."""
        with self._lock:
            return not self._ledger.runs

    def begin(self, shard: Shard) -> ShardRun | None:
        """Start on *shard*; None if it is being worked on already."""
        with self._lock:
            run = None if shard.shard_id in self._ledger.runs else self._ledger.begin(shard)
        self._act()
        return run

    def admit_batch(self, run: ShardRun, indexes: Sequence[int]) -> None:
        """Have the entries of *run* at *indexes* moved as whole objects in one frame, once the window has room."""
        size_bytes = sum(run.shard.entries[index].size_bytes for index in indexes)
        with self._lock:
            self._wait(lambda: self._ledger.has_batch_room(size_bytes, len(indexes)))
            self._ledger.admit_batch(run, indexes)
        self._act()

    def admit_object(self, run: ShardRun, index: int, chunks: Sequence[Chunk], head: Head) -> None:
        """Have an object of several *chunks* opened and moved, once fewer others are open."""
        with self._lock:
            self._wait(lambda: self._ledger.open_objects < self._ledger.limits.open_objects)
            self._dialogue.admit(run, index, chunks, head, time.monotonic())
        self._act()

    def reject(self, run: ShardRun, index: int, error: GatewayError) -> None:
        """Give up an entry that could not even be admitted."""
        with self._lock:
            self._ledger.reject(run, index, error)
        self._act()

    def take(self) -> Work:
        """
        Return what to read and send next, waiting for it.

        Raises:
            Stopped: After `close`.
        """
        with self._lock:
            while True:
                self._wait(lambda: True)
                if (work := self._ledger.take()) is not None:
                    self._work.notify_all()  # a batch left its queue: there is room for the next
                    return work
                self._work.wait()

    def read(self, task: Task, crc64nvme: int) -> None:
        """Note the digest of a piece before it is sent. Raises: SourceChanged, if it was another before."""
        with self._lock:
            self._ledger.read(task, crc64nvme)

    def sent(self, work: Work) -> None:
        """Note that *work* went out: from here on receipts are due."""
        with self._lock:
            self._ledger.sent(work, time.monotonic())
            self._due.notify_all()

    def unreadable(self, item: InFlight, error: GatewayError) -> None:
        """Give up *item*: its source cannot be read."""
        with self._lock:
            self._ledger.unreadable(item, error)
        self._act()

    def asked(self, letter: Letter) -> bool:
        """Return whether *letter* is about an object that is being coordinated here."""
        names = [item.object_id for item in letter.items] if isinstance(letter, Receipt) else [object_of(letter)]
        with self._lock:
            return any(name in self._ledger.objects for name in names)

    def answer(self, sender: str, letter: Letter) -> None:
        """Take what a sink says."""
        with self._lock:
            self._dialogue.answer(sender, letter, time.monotonic())
        self._act()
        self._events.changed()  # a settled object is news even if nothing is to be done about it

    def lost(self, gateway: str) -> None:
        """Do without *gateway*: repeat what it may have held."""
        with self._lock:
            self._dialogue.lost(gateway, time.monotonic())
        self._act()

    def found(self, gateway: str) -> None:
        """Count on *gateway* again."""
        with self._lock:
            self._dialogue.found(gateway, time.monotonic())
        self._act()

    def tell_marks(self) -> None:
        """Emit a mark for each shard and destination with news."""
        with self._lock:
            for run in list(self._ledger.runs.values()):
                self._ledger.mark(run)
        self._act()

    def watch(self) -> None:
        """Repeat what stays without an answer, until `close`: the body of one thread."""
        while True:
            with self._lock:
                if self._closed:
                    return
                deadline = self._dialogue.expire(time.monotonic())
                if not self._ledger.actions:
                    self._due.wait(None if deadline is None else max(deadline - time.monotonic(), 0))
                    continue
            self._act()

    def close(self) -> None:
        """Wake and stop everyone who waits, and have every open upload aborted."""
        with self._lock:
            self._closed = True
            self._ledger.abort_all()
            self._work.notify_all()
            self._due.notify_all()
        self._act()

    def _wait(self, ready: Callable[[], bool]) -> None:
        self._work.wait_for(lambda: self._closed or ready())
        if self._closed:
            raise Stopped("the coordinator is closed")

    def _act(self) -> None:
        """Carry out what the ledger wants done; letters go out without the lock, which a full queue would hold."""
        with self._lock:
            actions, self._ledger.actions = self._ledger.actions, []
            for action in actions:
                if not isinstance(action, Say):
                    self._events.emit(action.kind, **action.fields)
            self._work.notify_all()
            self._due.notify_all()
        for action in actions:
            if isinstance(action, Say):
                self._say(action.to, action.letter)
