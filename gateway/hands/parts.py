"""What the processes of one gateway have in common: the parts of its pipeline, each with a copy of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.delivery.events import Counters, Events
from gateway.footprint import pools_bytes
from gateway.meter import Meter
from gateway.operators.base import Operator, SinkOperator, SourceOperator
from gateway.operators.mux_and import MuxAnd
from gateway.operators.receive import Receive
from gateway.program import Program
from gateway.wire.frame import Frame, Message
from gateway.wire.intake import Opener
from gateway.wire.peers import Peers
from gateway.wire.pool import Pool

if TYPE_CHECKING:
    from gateway.hands.process import Process


@dataclass(slots=True)
class Voice:
    """How a process of a gateway says something: ``carry`` sends a message, ``crash`` tells that a thread has died."""

    carry: Callable[[Message], None]
    crash: Callable[[str, BaseException], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The parts of a pipeline; ``pools`` are memory that all processes share, ``receiving`` is the one for what arrives.

    ``heads`` maps partition to operator, ``operators`` are all of them in one order.
    """

    heads: Mapping[str, Operator]
    operators: Sequence[Operator]
    peers: Peers
    pools: Sequence[Pool]
    receiving: Pool
    counters: Counters
    events: Events
    voice: Voice
    take_in: Opener
    on_frame: Callable[[str, Frame], None]
    meter_of: Callable[[str], Meter]
    log: Callable[[str], None]

    @property
    def sources(self) -> list[SourceOperator]:
        """The operators that read."""
        return [operator for operator in self.operators if isinstance(operator, SourceOperator)]

    @property
    def meters(self) -> list[Meter]:
        """What counts the operators; some share one."""
        return list({id(operator.meter): operator.meter for operator in self.operators}.values())

    def ends_here(self, partition: str) -> bool:
        """Whether all that arrives for *partition* is written by this gateway: any process of it can do that."""
        head = self.heads.get(partition)
        return head is not None and all(isinstance(one, Receive | MuxAnd | SinkOperator) for one in head.walk())


@dataclass(slots=True, eq=False)
class Place:
    """Where connections run, and how many: in *hand*, or in the first process, as those of a hand that has died."""

    hand: Process | None
    load: int = 0


def make_pools(program: Program, *, shared: bool) -> tuple[Pool, ...]:
    """Return the pools of *program*: the first is read into, the last received into; often it is one."""
    return tuple(Pool(size_bytes, program.settings.slice_bytes, shared=shared) for size_bytes in pools_bytes(program))
