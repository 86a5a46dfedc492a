"""Counts of gateways become operators of sites, and the slow one is named."""

from __future__ import annotations

from skytf.measured import operators_of, slowest
from skytf.monitor.events import OperatorTotals, Totals
from skytf.report import OperatorUse
from tests.skytf.hand import EAST, IOWA, job, request, store
from tests.skytf.measured.bundles import bundle_of

TOPOLOGY = bundle_of(request(job(store(EAST), store(IOWA)))).topology
(SOURCE,), (SINK,) = (tuple(one.gateway_id for one in TOPOLOGY.at(region)) for region in (EAST, IOWA))


def counted(step: int, op: str, *to: str, busy_s: float, waiting_s: float) -> OperatorTotals:
    return OperatorTotals("job-0", step, op, to, chunks=3, bytes=30, busy_s=busy_s, waiting_s=waiting_s)


def told(*, sending_s: float, writing_s: float) -> dict[str, Totals]:
    """Return the counts of two gateways over 10 s."""
    source = (
        counted(0, "read_object_store", busy_s=2.0, waiting_s=8.0),
        counted(1, "send", SINK, busy_s=sending_s, waiting_s=10.0 - sending_s),
    )
    sink = (
        counted(0, "receive", busy_s=1.0, waiting_s=9.0),
        counted(1, "write_object_store", "destination-0", busy_s=writing_s, waiting_s=10.0 - writing_s),
    )
    return {SINK: Totals(operators=sink), SOURCE: Totals(operators=source)}


def test_operators_stand_in_the_order_that_bytes_pass_them() -> None:
    flow = operators_of(TOPOLOGY, told(sending_s=9.0, writing_s=1.0))

    assert [one.name for one in flow] == [
        f"read_object_store at {EAST}",
        f"send at {EAST} to {IOWA}",
        f"receive at {IOWA}",
        f"write_object_store at {IOWA} to destination-0",
    ]
    assert flow[1] == OperatorUse(str(EAST), "send", str(IOWA), 1, 3, 30, 9.0, 1.0)


def test_a_slow_link_and_a_slow_sink_are_told_apart() -> None:
    link, sink = told(sending_s=9.5, writing_s=1.0), told(sending_s=9.5, writing_s=9.0)

    assert slowest(operators_of(TOPOLOGY, link)) == f"send at {EAST} to {IOWA}"
    assert slowest(operators_of(TOPOLOGY, sink)) == f"write_object_store at {IOWA} to destination-0"


def test_gateways_of_a_site_count_together() -> None:
    totals = told(sending_s=9.0, writing_s=1.0)
    again = tuple(counted(one.step, one.op, *one.to, busy_s=1.0, waiting_s=1.0) for one in totals[SINK].operators)
    totals[SINK] = Totals(operators=(*totals[SINK].operators, *again))

    flow = operators_of(TOPOLOGY, totals)

    assert [(one.chunks, one.busy_s, one.gateways) for one in flow] == [
        (3, 2.0, 1),
        (3, 9.0, 1),
        (6, 2.0, 1),
        (6, 2.0, 1),
    ]


def test_where_nobody_told_anything_nothing_is_said() -> None:
    assert operators_of(TOPOLOGY, {SOURCE: Totals()}) == ()
    assert slowest(()) == ""
