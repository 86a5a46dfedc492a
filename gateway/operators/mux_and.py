"""``mux_and``: every branch gets each frame that is for one of its destinations."""

from __future__ import annotations

from gateway.operators.base import Context, Operator, fan_out
from gateway.program import Step
from gateway.wire.frame import Frame


class MuxAnd(Operator):
    """No params. The slowest branch sets the pace."""

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self.children = [context.build(child) for child in step.children]

    def put(self, frame: Frame) -> None:
        """Give *frame* to the branches, one after the other."""
        fan_out(frame, self.children)
