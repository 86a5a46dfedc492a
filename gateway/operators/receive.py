"""``receive``: the head for frames that peers send."""

from __future__ import annotations

from gateway.operators.base import Context, Operator, fan_out
from gateway.program import Step
from gateway.wire.frame import Frame


class Receive(Operator):
    """No params. Runs in the reading thread of a connection: its waiting is what slows the sender."""

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self.children = [context.build(child) for child in step.children]

    def put(self, frame: Frame) -> None:
        """Give *frame* to the children."""
        fan_out(frame, self.children)
