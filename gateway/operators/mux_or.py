"""``mux_or``: branches compete for frames."""

from __future__ import annotations

from functools import partial

from gateway.delivery.channel import Channel
from gateway.delivery.workers import Workers
from gateway.errors import BadProgram, GatewayError
from gateway.operators.base import Context, Operator
from gateway.program import Step
from gateway.wire.frame import Frame
from gateway.wire.peers import FrameQueue


class MuxOr(Operator):
    """
    No params.

    Where all branches send, their connections share one queue. Otherwise a thread per branch takes
    from a queue of one frame and hands on, so that a branch that waits leaves the next frame to the others.
    """

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self._workers = Workers(context.runtime.on_crash)
        self._queue: Channel[Frame] = Channel(1)
        self._outlet: FrameQueue | None = None
        if all(child.op == "send" for child in step.children):
            self._outlet = context.outlets.outlet(tuple(str(child.params["peer"]) for child in step.children))
            return
        if any(set(child.destinations) != set(step.children[0].destinations) for child in step.children):
            raise BadProgram("the branches of a 'mux_or' must lead to the same destinations")
        self.children = [context.build(child) for child in step.children]

    def put(self, frame: Frame) -> None:
        """Queue *frame* for whichever branch is free first."""
        try:
            if self._outlet is not None:
                self._outlet.put(frame)
            else:
                self._queue.put(frame)
        except GatewayError:
            frame.release()
            raise

    def start(self) -> None:
        """Start a thread per branch that is not a mere queue."""
        for child in self.children:
            self._workers.start(f"mux-or-{child.step.op}", partial(self._compete, child))

    def close(self) -> None:
        """Release what waits."""
        for frame in self._queue.close():
            frame.release()

    def join(self) -> None:
        """Wait for the threads."""
        self._workers.join()

    def _compete(self, branch: Operator) -> None:
        while True:
            branch.put(self._queue.get())
