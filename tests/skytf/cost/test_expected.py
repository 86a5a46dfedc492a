"""Usage of a plan, and the whole way from the project's own catalog to a bill."""

from __future__ import annotations

import pytest

from skytf.catalog.tables import load
from skytf.cost import estimate, expected_usage
from skytf.figures import figures
from skytf.model import codec
from skytf.model.cost import ADDRESSES, DISKS, EGRESS, INSTANCES, REQUESTS, Cost
from skytf.model.figures import Figures
from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.predict import predict
from skytf.volume.ways import crossings
from tests.skytf.hand import EAST, GB, IOWA, PARIS, TB, WEST, assumed, job, request, store, surveyed
from tests.skytf.hand import figures as by_hand


def test_usage_has_what_leaves_what_stands_and_what_is_delivered() -> None:
    wanted = request(job(store(EAST), store(IOWA, "a"), store(IOWA, "b")), instances=3)
    topology = plan(wanted)
    prediction = predict(wanted, [surveyed(GB)], topology, by_hand())

    usage = expected_usage(wanted, [surveyed(GB)], topology, prediction)

    ends = (("job-0", 0), ("job-0", 1))
    assert [(one.source, one.target, one.ends) for one in usage.moved] == [
        (str(EAST), str(IOWA), ends),
        (str(IOWA), str(EAST), ends),
    ]
    assert usage.moved[0].wire_bytes.low == GB
    assert [(one.region, one.gateways, one.seconds) for one in usage.fleet] == [
        (EAST, 3, prediction.fleet_s),
        (IOWA, 3, prediction.fleet_s),
    ]
    assert usage.delivered == ((ends[0], GB), (ends[1], GB))


def test_a_survey_that_is_missing_is_a_job_of_nothing() -> None:
    wanted = request(job(store(EAST), store(IOWA)))
    usage = expected_usage(wanted, [], plan(wanted), predict(wanted, [], plan(wanted), by_hand()))

    assert usage.delivered == ((("job-0", 0), 0),)
    assert usage.moved[0].wire_bytes == Span.exactly(0)


@pytest.mark.parametrize("via", [None, WEST])
def test_the_catalog_has_an_entry_for_every_pair_of_places_that_bytes_pass_between(via: object) -> None:
    wanted = request(
        job(store(EAST), store(IOWA), store(PARIS)),
        job(store(EAST, "account/bucket", scheme="r2"), store(IOWA, "c", within="europe-west1"), number=1),
        via=via,
    )
    topology = plan(wanted)
    found = figures(wanted, topology, load(()))
    usage = expected_usage(wanted, [], topology, predict(wanted, [], topology, found))

    known = {(one.source, one.target) for one in found.egress}
    assert {(one.source, one.target) for one in usage.moved} <= known
    assert set(crossings(wanted, topology)) <= known
    assert {one.end for one in usage.requests} <= {one.end for one in found.stores}


def test_200_tb_from_virginia_to_iowa_cost_what_they_do_by_hand() -> None:
    """
    With the catalog of 2026-11; whoever refreshes it computes this again. 1,000,000 objects, 8 gateways at each end.

    Time: 8 x 5 Gbit/s may leave AWS with m5.8xlarge = 5 GB/s: 200 TB in 40,000 s, and 165 s around it: 11.16 h.
    Egress, GB of 10^9 bytes: 10,240 x 0.09 + 40,960 x 0.085 + 102,400 x 0.07 + 46,400 x 0.05
    = 921.60 + 3,481.60 + 7,168.00 + 2,320.00 = 13,891.20; 10 GB of frames 0.50; 0.84 GiB of receipts x 0.12 = 0.10.
    Instances: 8 x 11.16 h x (1.536 + 0.776944) = 206.45. Disks: 8 x 30 x 11.16 / 730 x (0.08 + 0.10) = 0.66.
    Addresses: 8 x 11.16 x (0.005 + 0.005) = 0.89. Requests: 200 MB are 3 chunks: source 4,000,000 GET x 0.0004 / 1,000
    = 1.60; destination 3,000,000 parts and 2,000,000 PUT x 0.005 / 1,000 = 25.00, 1,000,000 HEAD 0.40; lists 0.02.
    """
    wanted = request(job(store(EAST), store(IOWA)), instances=8)
    volume = [assumed(1_000_000, 200 * TB)]
    topology = plan(wanted)
    found = figures(wanted, topology, load(()))

    prediction = predict(wanted, volume, topology, found)
    cost = estimate(wanted, volume, topology, found, prediction)

    assert prediction.bottleneck == "egress of aws:us-east-1"
    assert prediction.transfer_s.likely == pytest.approx(40_000, rel=1e-4)
    assert prediction.goodput_gbps.likely == pytest.approx(40, rel=1e-4)
    assert cost.of_kind(EGRESS).likely == pytest.approx(13_891.20 + 0.50 + 0.10, rel=1e-5)
    assert cost.of_kind(INSTANCES).likely == pytest.approx(206.45, rel=1e-3)
    assert cost.of_kind(DISKS).likely == pytest.approx(0.66, abs=0.005)
    assert cost.of_kind(ADDRESSES).likely == pytest.approx(0.89, abs=0.005)
    assert cost.of_kind(REQUESTS).likely == pytest.approx(27.02, abs=0.005)
    assert cost.total_usd.likely == pytest.approx(14_126.84, rel=1e-5)
    assert cost.unknown == ()
    assert cost.total_usd.low == pytest.approx(9_500, rel=0.01)  # all of it in the last tier, a GB of 2^30 bytes
    assert cost.total_usd.high is not None


def test_a_bundle_that_is_read_back_has_the_same_prediction_and_bill_to_the_byte() -> None:
    wanted = request(job(store(EAST), store(IOWA), store(PARIS, "x/y")), instances=3, via=WEST)
    volume = [surveyed(0, 1, 4096, 5 * GB, times=7)]
    topology = plan(wanted)
    found = figures(wanted, topology, load(()))
    again = codec.decode(codec.encode(found), Figures)
    read = codec.decode(codec.encode(volume[0]), JobSurvey)

    prediction = predict(wanted, volume, topology, found)
    prediction_again = predict(wanted, [read], topology, again)

    assert codec.encode(prediction_again) == codec.encode(prediction)
    assert codec.encode(codec.decode(codec.encode(prediction), Prediction)) == codec.encode(prediction)
    cost = estimate(wanted, volume, topology, found, prediction)
    assert codec.encode(estimate(wanted, [read], topology, again, prediction_again)) == codec.encode(cost)
    assert codec.encode(codec.decode(codec.encode(cost), Cost)) == codec.encode(cost)
