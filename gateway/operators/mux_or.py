"""``mux_or``: branches compete for frames; at the head, for shards too."""

from __future__ import annotations

from functools import partial

from gateway.delivery.channel import Channel
from gateway.delivery.workers import Workers
from gateway.errors import BadProgram, GatewayError
from gateway.meter import clock
from gateway.operators.base import Context, Operator
from gateway.program import Step
from gateway.shard import Shard
from gateway.wire.frame import Frame
from gateway.wire.peers import FrameQueue


class MuxOr(Operator):
    """
    No params.

    Where all branches send, their connections share one queue. Otherwise a thread per branch takes
    from a queue of one frame and hands on, so that a branch that waits leaves the next frame to the others.

    At the head, frames that peers send go to the branches that take frames, and shards to those that read: several
    sources with the same objects share the work. A shard stays with the branch that has taken it.
    """

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self._workers = Workers(context.runtime.on_crash)
        self._frames: Channel[Frame] = Channel(1)
        self._shards: Channel[Shard] = Channel(1)
        self._outlet: FrameQueue | None = None
        if all(child.op == "send" for child in step.children):
            self._outlet = context.outlets.outlet(self.to)
            self.meter = self._outlet.meter
            return
        if any(set(child.destinations) != set(step.children[0].destinations) for child in step.children):
            raise BadProgram("the branches of a 'mux_or' must lead to the same destinations")
        self.children = [context.build(child) for child in step.children]
        self.takes_frames = any(child.takes_frames for child in self.children)
        self.takes_shards = any(child.takes_shards for child in self.children)

    @property
    def outlet(self) -> FrameQueue | None:
        """The queue for which the connections of all branches compete, if all send."""
        return self._outlet

    @property
    def to(self) -> tuple[str, ...]:
        """The peers of branches that all send."""
        return tuple(str(child.params["peer"]) for child in self.step.children) if not self.children else ()

    def put(self, frame: Frame) -> None:
        """Queue *frame* for whichever branch is free first."""
        try:
            if self._outlet is not None:
                self._outlet.put(frame)
            else:
                self._frames.put(frame)
        except GatewayError:
            frame.release()
            raise

    def submit(self, shard: Shard, wait_s: float | None) -> bool:
        """Queue *shard* for whichever branch has room first."""
        return self._shards.put(shard, wait_s)

    def start(self) -> None:
        """Start a thread per branch that is not a mere queue."""
        for child in self.children:
            if child.takes_frames:
                self._workers.start(f"mux-or-{child.step.op}", partial(self._compete, child))
            if child.takes_shards:
                self._workers.start(f"mux-or-{child.step.op}-shards", partial(self._compete_for_shards, child))

    def close(self) -> None:
        """Release what waits."""
        for frame in self._frames.close():
            frame.release()
        self._shards.close()

    def join(self) -> None:
        """Wait for the threads."""
        self._workers.join()

    def _compete(self, branch: Operator) -> None:
        share = self.meter.share()
        while True:
            began = clock()
            frame = self._frames.get()
            size_bytes = frame.raw_bytes
            branch.put(frame)
            share.add(size_bytes, busy_s=0.0, waiting_s=clock() - began)

    def _compete_for_shards(self, branch: Operator) -> None:
        while True:
            branch.submit(self._shards.get(), None)
