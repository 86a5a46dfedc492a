"""Hand shards to the source gateways, follow what all gateways report, and hand out again what a lost one held."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Condition, Thread

from gateway.shard import Shard
from skytf.errors import SkytfError, TransferFailed
from skytf.hooks import DestinationProgress, Progress
from skytf.monitor.control import GatewayControl, Record
from skytf.monitor.events import Closed, Counters, Event, Failed, Fatal, Mark, Opened, PeerChanged, ShardDone, Totals
from skytf.shards import Handed, PendingShards
from skytf.tally import Goal, Outcome, Tally

POST_WAIT_S = 20.0
# A disk that is full stays full: the rest of the transfer would read everything and fail object by object.
HOPELESS = frozenset({"StoreFull"})
PENDING_PER_GATEWAY = 2


@dataclass(slots=True)
class _State:
    """Everything the threads share; guarded by ``changed``."""

    changed: Condition = field(default_factory=Condition)
    handed: dict[str, Handed] = field(default_factory=dict)
    tallies: dict[tuple[str, int], Tally] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)
    waiting: int = 0
    listed: bool = False
    error: SkytfError | None = None
    reassigned: int = 0

    @property
    def finished(self) -> bool:
        return self.listed and not self.handed and not self.waiting


class Dispatch:
    """
    One run over a fleet that is ready.

    Args:
        gateways: Control clients by gateway id.
        sources: Partition → the gateways that may hold its shards.
        sinks: (partition, destination) → the gateways that write it; when all are lost the transfer cannot go on.
        goals: What is to be reached, for progress.
        record: The journal.
        on_progress, on_failed: Called from several threads, one at a time.
    """

    def __init__(
        self,
        *,
        gateways: Mapping[str, GatewayControl],
        sources: Mapping[str, tuple[str, ...]],
        sinks: Mapping[tuple[str, int], tuple[str, ...]],
        goals: tuple[Goal, ...],
        record: Record,
        on_progress: Callable[[Progress], None],
        on_failed: Callable[[str, Failed], None],
        on_warning: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateways = gateways
        self._sources = sources
        self._sinks = sinks
        self._goals = goals
        self._record = record
        self._on_progress = on_progress
        self._on_failed = on_failed
        self._on_warning = on_warning
        self._clock = clock
        self._began = clock()
        self._last_progress = 0.0
        self._state = _State(tallies={(goal.job_id, goal.destination): Tally() for goal in goals})
        # Partitions whose shards may go to the same gateways share one queue.
        crews = set(sources.values())
        self._pending = {crew: PendingShards(limit=PENDING_PER_GATEWAY * len(crew)) for crew in crews}

    def run(self, shards: Iterable[Shard]) -> Outcome:
        """
        Hand out *shards* and return when every one is settled: delivered or failed, at each of its destinations.

        Holds a few shards for each source gateway; *shards* is consumed only as fast as the fleet takes them.

        Raises:
            TransferFailed: No gateway is left for a partition or a destination, or a destination is hopeless.
            SkytfError: What `stop` was given.
            StoreError: The listing behind *shards* failed.
        """
        threads = [Thread(target=self._follow, args=(name,), name=f"follow-{name}") for name in self._gateways]
        for crew, pending in self._pending.items():
            threads += [Thread(target=self._feed, args=(name, pending), name=f"feed-{name}") for name in crew]
        for thread in threads:
            thread.start()
        try:
            self._hand_out(shards)
            with self._state.changed:
                self._state.changed.wait_for(lambda: self._state.finished or self._state.error is not None)
        finally:
            self._end()
            for thread in threads:
                thread.join()
        if self._state.error is not None:
            raise self._state.error
        self._progress(force=True)
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what has been reached so far."""
        with self._state.changed:
            resent = sum(one.frames_resent for one in self._state.totals.values())
            return Outcome(dict(self._state.tallies), tuple(self._state.lost), resent)

    def totals(self) -> dict[str, Totals]:
        """Return what each gateway has counted, as far as it was told: of a lost one what was heard last."""
        with self._state.changed:
            return dict(self._state.totals)

    def stop(self, error: SkytfError) -> None:
        """Let `run` end with *error*; called from any thread, also from a signal's."""
        with self._state.changed:
            if self._state.error is None:
                self._state.error = error
            self._state.changed.notify_all()
        for pending in self._pending.values():
            pending.close()

    def _hand_out(self, shards: Iterable[Shard]) -> None:
        for shard in shards:
            with self._state.changed:
                self._state.waiting += 1
            if not self._pending[self._sources[shard.partition]].put(shard):
                return
        with self._state.changed:
            self._state.listed = True
            self._state.changed.notify_all()

    def _end(self) -> None:
        for pending in self._pending.values():
            pending.close()
        with self._state.changed:
            lost = set(self._state.lost)
        for name, gateway in self._gateways.items():
            if name not in lost:
                gateway.close()

    def _feed(self, name: str, pending: PendingShards) -> None:
        """Give shards to one source gateway until there are none or it is lost."""
        while (shard := pending.take()) is not None:
            with self._state.changed:
                gone = name in self._state.lost
                if not gone:
                    # Before the post: its first events may arrive before the answer does.
                    self._state.handed[shard.shard_id] = Handed(shard, name)
                    self._state.waiting -= 1
            if gone:
                pending.put_back([shard])
                return
            self._record.handed(shard)
            try:
                while not self._gateways[name].post_shard(shard, wait_s=POST_WAIT_S):
                    if self._state.error is not None or name in self._state.lost:
                        return
            except TransferFailed as error:
                self._lose(name, str(error))
                return

    def _follow(self, name: str) -> None:
        """Take in one gateway's events until it is lost or the run ends."""
        try:
            for event in self._gateways[name].events():
                self._take(name, event)
            reason = "it stopped"
        except TransferFailed as error:
            reason = str(error)
        with self._state.changed:
            over = self._state.finished or self._state.error is not None
        if not over:
            self._lose(name, reason)

    def _take(self, name: str, event: Event) -> None:
        self._record.event(event)
        match event:
            case Mark():
                self._marked(event)
            case Failed():
                self._failed(event)
            case ShardDone():
                with self._state.changed:
                    self._state.handed.pop(event.shard_id, None)
                    self._state.changed.notify_all()
            case Counters():
                with self._state.changed:
                    self._state.totals[name] = event
            case Fatal():
                self._lose(name, f"{name} cannot go on: {event.error}")
            case PeerChanged() | Opened() | Closed():
                pass
        self._progress()

    def _marked(self, event: Mark) -> None:
        with self._state.changed:
            handed = self._state.handed.get(event.shard_id)
            if handed is None:
                return
            handed.mark(event.destination, event.watermark or "", event.beyond)
            handed.partial_bytes[event.destination] = event.partial_bytes
            tally = self._state.tallies[handed.shard.partition, event.destination]
            tally.objects += event.objects
            tally.bytes += event.bytes
            tally.skipped += event.skipped
            tally.compared += event.compared

    def _failed(self, event: Failed) -> None:
        with self._state.changed:
            handed = self._state.handed.get(event.shard_id)
            if handed is None:
                return
            partition = handed.shard.partition
            self._state.tallies[partition, event.destination].failed += 1
        self._on_failed(partition, event)
        if event.code in HOPELESS:
            self.stop(TransferFailed(event.error, hint=event.hint))

    def _lose(self, name: str, reason: str) -> None:
        """Take *name* out, hand its shards to others, and tell the rest of the fleet."""
        with self._state.changed:
            if name in self._state.lost or self._state.error is not None:
                return
            self._state.lost.append(name)
            held = [handed for handed in self._state.handed.values() if handed.gateway == name]
            for handed in held:
                del self._state.handed[handed.shard.shard_id]
            self._state.reassigned += 1
            run = str(self._state.reassigned)
            rest = [shard for handed in held for shard in handed.remainder(run)]
            lost = set(self._state.lost)
            self._state.waiting += len(rest)
        self._on_warning(f"gateway {name} is lost ({reason}); {len(rest)} shards go to others")
        stranded = [crew for crew in [*self._sources.values(), *self._sinks.values()] if lost.issuperset(crew)]
        if stranded:
            names = ", ".join(stranded[0])
            self.stop(TransferFailed(f"no gateway is left of {names}: {reason}", hint="skytf resume goes on from here"))
            return
        for shard in rest:
            self._pending[self._sources[shard.partition]].put_back([shard])
        self._tell(name, lost)
        with self._state.changed:
            self._state.changed.notify_all()

    def _tell(self, name: str, lost: set[str]) -> None:
        """Tell the sources last: what they send again then meets nobody who would still answer by way of *name*."""
        sources = {source for crew in self._sources.values() for source in crew}
        for other, gateway in sorted(self._gateways.items(), key=lambda item: item[0] in sources):
            if other not in lost:
                try:
                    gateway.lost(name)
                except TransferFailed:
                    # This one is going too; its own follower says so.
                    continue

    def _progress(self, *, force: bool = False) -> None:
        now = self._clock()
        with self._state.changed:
            if not force and now - self._last_progress < 0.25:
                return
            self._last_progress = now
            progress = Progress(
                tuple(self._destination_progress(goal) for goal in self._goals), elapsed_s=now - self._began
            )
        self._on_progress(progress)

    def _destination_progress(self, goal: Goal) -> DestinationProgress:
        tally = self._state.tallies[goal.job_id, goal.destination]
        partial = sum(
            handed.partial_bytes.get(goal.destination, 0)
            for handed in self._state.handed.values()
            if handed.shard.partition == goal.job_id
        )
        return DestinationProgress(
            job_id=goal.job_id,
            url=goal.url,
            objects_done=tally.objects + tally.skipped,
            objects_total=goal.objects,
            bytes_done=tally.bytes + partial,
            bytes_total=goal.bytes,
            failed=tally.failed,
        )
