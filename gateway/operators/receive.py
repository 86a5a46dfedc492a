"""``receive``: the head for frames that peers send."""

from __future__ import annotations

from gateway.operators.base import Context, Operator, fan_out
from gateway.program import Step
from gateway.wire.frame import Frame
from gateway.wire.intake import Intake
from gateway.wire.pool import Scratch
from gateway.wire.records import FrameHeader


class Receive(Operator):
    """No params. Runs in the reading thread of a connection: its waiting is what slows the sender."""

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self.children = [context.build(child) for child in step.children]

    def take_in(self, header: FrameHeader, manifest: bytes, scratch: Scratch) -> Intake | None:
        """Have the one child take the frame in, if it is for it."""
        if len(self.children) != 1:
            return None
        only = self.children[0]
        if only.step.destinations and set(only.step.destinations).isdisjoint(header.destinations):
            return None
        return only.take_in(header, manifest, scratch)

    def put(self, frame: Frame) -> None:
        """Give *frame* to the children."""
        fan_out(frame, self.children)
