from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.bundle import Bundle
from skytf.measured import Counted, achieved, compare, reported, usage_of
from skytf.measured.achieved import sum_of
from skytf.model import codec
from skytf.model.cost import KINDS
from skytf.model.span import Span
from skytf.model.usage import End, FleetTime, Moved, Requests, RunUsage, Usage
from skytf.monitor.events import Totals
from skytf.report import Compared, Report
from tests.skytf.hand import EAST, GB, IOWA, job, request, store
from tests.skytf.measured.bundles import bundle_of, totals

END: End = ("job-0", 0)
BUNDLE = bundle_of(request(job(store(EAST), store(IOWA))))
(SOURCE,), (SINK,) = (BUNDLE.topology.at(region) for region in (EAST, IOWA))
COUNTED = {
    SOURCE.gateway_id: totals({SINK.gateway_id: 500 * GB}, stores={"job-0-source": {"get": 1_000}}),
    SINK.gateway_id: totals({SOURCE.gateway_id: GB}, stores={"job-0-destination-0": {"put": 2_000}}),
}
REPORT = Report("t", "done", (), 1.0, {}, 0.0, 0, 2)


def run_of(
    heard: dict[str, Totals] = COUNTED, *, transfer_s: float = 600.0, stood_s: float = 720.0, delivered: int = 600 * GB
) -> RunUsage:
    everybody = frozenset(BUNDLE.programs)
    fleet_s = Span.exactly(stood_s)
    usage = usage_of(BUNDLE, Counted(heard, everybody, frozenset(heard)), fleet_s, {END: delivered})
    return RunUsage(0.0, ended=True, transfer_s=transfer_s, fleet_s=fleet_s, usage=usage)


def rows(bundle: Bundle, *runs: RunUsage) -> dict[str, float | None]:
    return {one.what: one.measured for one in compare(bundle.topology, achieved(bundle, runs))}


def test_one_run_is_priced_as_the_plan_was() -> None:
    """
    500 GB out at 0.09 and 1 GB back at 0.1; 0.2 h of 1 + 3 an hour; 30 GB of disk at 0.73 / 730 an hour for two;
    two addresses at 0.01; 1,000 GET at 0.01 and 2,000 PUT at 0.1 a thousand.
    """
    found = rows(BUNDLE, run_of())

    assert found["egress_usd"] == pytest.approx(45.0 + 0.1)
    assert found["instances_usd"] == pytest.approx(0.8)
    assert found["disks_usd"] == pytest.approx(0.2 * 2 * 30 * 0.73 / 730)
    assert found["addresses_usd"] == pytest.approx(0.004)
    assert found["requests_usd"] == pytest.approx(0.21)
    assert found["total_usd"] == pytest.approx(sum(found[f"{kind}_usd"] or 0.0 for kind in KINDS), abs=1e-5)
    assert found["job-0-destination-0_usd"] == found["total_usd"]
    assert (found["transfer_s"], found["fleet_s"], found["goodput_gbps"]) == (600.0, 720.0, 8.0)


def test_what_was_predicted_stands_beside_it() -> None:
    topology = BUNDLE.topology
    assert topology.prediction is not None
    assert topology.cost is not None

    predicted = {one.what: one.predicted for one in compare(topology, achieved(BUNDLE, [run_of()]))}

    assert list(predicted)[:4] == ["transfer_s", "fleet_s", "goodput_gbps", "total_usd"]
    assert predicted["transfer_s"] == topology.prediction.transfer_s
    assert predicted["egress_usd"] == topology.cost.of_kind("egress").rounded(6)
    assert predicted["job-0-destination-0_usd"] == topology.cost.shares[0].usd


def test_the_runs_of_a_resumed_transfer_add_up() -> None:
    once, twice = rows(BUNDLE, run_of()), rows(BUNDLE, run_of(), run_of(transfer_s=200.0, delivered=400 * GB))

    assert twice["egress_usd"] == pytest.approx(2 * (once["egress_usd"] or 0.0))
    assert twice["instances_usd"] == pytest.approx(2 * (once["instances_usd"] or 0.0))
    assert (twice["transfer_s"], twice["fleet_s"]) == (800.0, 1440.0)
    assert twice["goodput_gbps"] == pytest.approx(1_000 * 8 / 800)


def test_a_run_that_was_killed_leaves_a_lower_bound() -> None:
    killed = RunUsage(0.0, fleet_s=Span(0.0, None, 3600.0))
    known = achieved(BUNDLE, [run_of()])

    reached = achieved(BUNDLE, [killed, run_of()])

    assert (reached.transfer_s, reached.fleet_s) == (None, None)
    assert reached.goodput_gbps == 8.0, "the pace of what was seen"
    assert reached.cost.total_usd.low == pytest.approx(known.cost.total_usd.low)
    assert (reached.cost.total_usd.likely, reached.cost.total_usd.high) == (None, None)
    assert reached.cost.of_kind("instances").high is not None, "it can have stood for an hour, and no longer"
    assert "what a run did that was killed" in reached.cost.unknown
    assert rows(BUNDLE, killed, run_of())["total_usd"] is None


def test_a_lost_gateway_leaves_a_lower_bound_of_what_it_did_alone() -> None:
    heard = {SINK.gateway_id: COUNTED[SINK.gateway_id]}
    heard[SINK.gateway_id] = Totals(
        sent_to=heard[SINK.gateway_id].sent_to,
        received_from={SOURCE.gateway_id: 400 * GB},
        stores=heard[SINK.gateway_id].stores,
    )

    reached = achieved(BUNDLE, [run_of(heard)])

    assert reached.cost.of_kind("egress").low == pytest.approx(400 * 0.09 + 0.1, rel=1e-3)
    assert reached.cost.of_kind("egress").high is None
    assert reached.cost.of_kind("instances").likely == pytest.approx(0.8)
    assert f"what {SOURCE.gateway_id} did after it was last heard" in reached.cost.unknown


def test_nothing_delivered_has_no_pace() -> None:
    assert rows(BUNDLE, run_of({}, transfer_s=0.0, delivered=0))["goodput_gbps"] is None


def test_a_report_gets_all_of_it_and_reads_back() -> None:
    report = reported(REPORT, BUNDLE, [run_of()])

    assert report.used is not None
    assert report.used.delivered == ((END, 600 * GB),)
    assert BUNDLE.topology.prediction is not None
    assert report.bottleneck == BUNDLE.topology.prediction.bottleneck
    assert codec.decode(codec.encode(report), Report) == report


def test_a_report_of_an_older_version_reads_back() -> None:
    fields = b'"transfer_id": "t", "outcome": "done", "jobs": [], "elapsed_s": 1.0, "phase_s": {}, "left": []'
    text = b"{" + fields + b', "goodput_bytes_per_s": 0.0, "frames_resent": 0, "gateways": 2}'

    assert codec.decode(text, Report) == REPORT


@pytest.mark.parametrize(
    ("predicted", "measured", "outside"),
    [
        (Span(1.0, 2.0, 3.0), 1.0, False),
        (Span(1.0, 2.0, 3.0), 3.0, False),
        (Span(1.0, 2.0, 3.0), 0.99, True),
        (Span(1.0, 2.0, 3.0), 3.01, True),
        (Span(1.0), 1e9, False),
        (Span(1.0), 0.5, True),
        (Span(1.0, 2.0, 3.0), None, False),
        (Span(), 0.0, False),
    ],
)
def test_outside_is_below_the_least_or_above_the_most(predicted: Span, measured: float | None, outside: bool) -> None:
    assert Compared("x", predicted, measured).outside is outside


def test_equal_rows_of_several_usages_become_one() -> None:
    one = Usage(
        (Moved("a", "b", Span.exactly(1.0), (END,)),),
        (FleetTime(EAST, 2, Span.exactly(10.0)),),
        (Requests("job-0-source", "get", Span.exactly(3.0), (END,), Span.exactly(4.0)),),
        ((END, 5),),
        ("x",),
    )
    other = replace(one, moved=(Moved("b", "a", Span(7.0), (END,)), *one.moved), unknown=("x", "y"))

    both = sum_of([one, other])

    assert both == Usage(
        (Moved("a", "b", Span.exactly(2.0), (END,)), Moved("b", "a", Span(7.0), (END,))),
        (FleetTime(EAST, 2, Span.exactly(20.0)),),
        (Requests("job-0-source", "get", Span.exactly(6.0), (END,), Span.exactly(8.0)),),
        ((END, 10),),
        ("x", "y"),
    )
    assert sum_of([]) == Usage((), (), (), ())
