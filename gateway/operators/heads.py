"""From the groups of a program to the operators at their heads, which make those below them."""

from __future__ import annotations

from gateway.delivery.ledger import Limits
from gateway.delivery.letters import Abort, Complete, Letter, Open
from gateway.delivery.runtime import Runtime
from gateway.operators import OPERATORS
from gateway.operators.base import Context, Operator, Outlets, SourceOperator
from gateway.program import Group, Program, Step
from gateway.registry import load


def heads(program: Program, runtime: Runtime, outlets: Outlets, limits: Limits | None) -> dict[str, Operator]:
    """
    Return partition → the head of its group. Starts nothing.

    Raises:
        BadProgram: A step cannot be run here: a store, a key or a param is missing or wrong.
    """
    found: dict[str, Operator] = {}
    for group in program.groups:
        head = _head(group, program, runtime, outlets, limits)
        found |= dict.fromkeys(group.partitions, head)
    return found


def listeners(head: Operator | None, letter: Letter) -> list[Operator]:
    """Return the operators of the group of *head* that *letter* may be for, in the order that they are to be asked."""
    if head is None:
        return []
    sources = [operator for operator in head.walk() if isinstance(operator, SourceOperator)]
    if isinstance(letter, Open | Complete | Abort):
        return [operator for operator in head.walk() if operator not in sources]
    # What nobody asked for must be heard by one of them nevertheless: it may be an upload to abort.
    mine = next((one for one in sources[:-1] if one.coordinator.asked(letter)), sources[-1] if sources else None)
    return [] if mine is None else [mine]


def _head(group: Group, program: Program, runtime: Runtime, outlets: Outlets, limits: Limits | None) -> Operator:
    def build(step: Step) -> Operator:
        operator: Operator = load(OPERATORS[step.op])(step, context)
        return operator

    context = Context(runtime, outlets, program.sinks, build, limits, group.partitions[0])
    return build(group.head)
