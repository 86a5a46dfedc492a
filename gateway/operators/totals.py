"""What the operators of a gateway have counted, as it travels to the client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.meter import Metered, bottleneck
from gateway.operators.base import Operator


def totals(counts: Mapping[str, Any], groups: Mapping[str, Operator]) -> dict[str, Any]:
    """
    Return *counts* with ``operators``, ``bottleneck`` and ``compression_ratio``; *groups* is partition → head.

    Operators that share a queue to the same peers share what they count of it, and only the first of them says it.
    """
    operators: list[dict[str, Any]] = []
    flow: list[Metered] = []
    said: set[int] = set()
    for partition, step, operator in _placed(groups):
        if id(operator.meter) in said:
            continue
        said.add(id(operator.meter))
        metered = operator.meter.read()
        flow.append(metered)
        operators.append(
            {
                "partition": partition,
                "step": step,
                "op": operator.step.op,
                "to": operator.to,
                "chunks": metered.chunks,
                "bytes": metered.size_bytes,
                "busy_s": metered.busy_s,
                "waiting_s": metered.waiting_s,
            }
        )
    slow = bottleneck(flow)
    read, sealed = counts["bytes_read"], counts["bytes_sealed"]
    return {
        **counts,
        "compression_ratio": round(read / sealed, 3) if read and sealed else None,
        "operators": operators,
        "bottleneck": None if slow is None else operators[slow],
    }


def _placed(groups: Mapping[str, Operator]) -> Iterable[tuple[str, int, Operator]]:
    """Yield each operator with the first partition of its group and its place there, parents first."""
    seen: set[int] = set()
    for partition, head in groups.items():
        if id(head) not in seen:
            seen.add(id(head))
            for step, operator in enumerate(head.walk()):
                yield partition, step, operator
