"""``mux_and``: every branch gets each frame that is for one of its destinations; at the head, each shard too."""

from __future__ import annotations

from dataclasses import replace

from gateway.delivery.channel import Channel
from gateway.delivery.workers import Workers
from gateway.errors import BadProgram
from gateway.meter import clock
from gateway.operators.base import Context, Operator, fan_out
from gateway.program import Step
from gateway.shard import Shard
from gateway.wire.frame import Frame


class MuxAnd(Operator):
    """
    No params. The slowest branch sets the pace.

    At the head, frames that peers send go to the branches that take frames, and a shard to each branch that reads, for
    the destinations of that branch: so that each destination can be served from the source next to it. The shard is
    done when all of them are done with it.
    """

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self._workers = Workers(context.runtime.on_crash)
        self._shards: Channel[Shard] = Channel(1)
        self._events = context.runtime.events
        self.children = [context.build(child) for child in step.children]
        self._frame_branches = [child for child in self.children if child.takes_frames]
        self._shard_branches = [child for child in self.children if child.takes_shards]
        self.takes_frames, self.takes_shards = bool(self._frame_branches), bool(self._shard_branches)
        told = [destination for child in self._shard_branches for destination in child.step.destinations]
        if len(self._shard_branches) > 1 and (
            len(told) > len(set(told)) or not all(child.step.destinations for child in self._shard_branches)
        ):
            raise BadProgram(
                "the branches of a 'mux_and' that read must lead to destinations of their own, and say to which",
                hint="use 'mux_or' where several sources serve one destination",
            )

    def put(self, frame: Frame) -> None:
        """Give *frame* to the branches, one after the other."""
        size_bytes, began = frame.raw_bytes, clock()
        fan_out(frame, self._frame_branches)
        self.meter.share().add(size_bytes, busy_s=0.0, waiting_s=clock() - began)

    def submit(self, shard: Shard, wait_s: float | None) -> bool:
        """
        Queue *shard* for all branches that read for its destinations.

        Raises:
            BadProgram: There is none for one of them.
        """
        if len(self._shard_branches) == 1:
            return self._shard_branches[0].submit(shard, wait_s)
        served = {destination for child in self._shard_branches for destination in child.step.destinations}
        if missing := sorted(set(shard.destinations) - served):
            raise BadProgram(f"no branch reads partition {shard.partition!r} for destination {missing[0]}")
        return self._shards.put(shard, wait_s)

    def start(self) -> None:
        """Start the thread that hands shards to several branches, if there are several."""
        if len(self._shard_branches) > 1:
            self._workers.start("mux-and", self._hand_out)

    def close(self) -> None:
        """Take no more shards."""
        self._shards.close()

    def join(self) -> None:
        """Wait for the thread."""
        self._workers.join()

    def _hand_out(self) -> None:
        while True:
            shard = self._shards.get()
            parts = [
                (branch, replace(shard, destinations=mine))
                for branch in self._shard_branches
                if (mine := tuple(d for d in shard.destinations if d in branch.step.destinations))
            ]
            self._events.begin(shard)  # as a whole, so that the journal knows all its destinations
            self._events.shards.split(shard.shard_id, max(1, len(parts)))
            for branch, part in parts or [(self._shard_branches[0], shard)]:
                branch.submit(part, None)
