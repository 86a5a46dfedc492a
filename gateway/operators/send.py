"""``send``: to one peer."""

from __future__ import annotations

from gateway.errors import GatewayError
from gateway.operators.base import Context, Operator, param
from gateway.program import Step
from gateway.wire.frame import Frame
from gateway.wire.peers import FrameQueue


class Send(Operator):
    """Params: ``peer`` (a gateway id)."""

    params = frozenset({"peer"})

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self._outlet = context.outlets.outlet(self.to)
        self.meter = self._outlet.meter

    @property
    def to(self) -> tuple[str, ...]:
        """The peer."""
        return (param(self.step, "peer", str),)

    @property
    def outlet(self) -> FrameQueue:
        """The queue to the peer."""
        return self._outlet

    def put(self, frame: Frame) -> None:
        """Queue *frame* for the peer; waits while its queue is full."""
        try:
            self._outlet.put(frame)
        except GatewayError:
            frame.release()
            raise
