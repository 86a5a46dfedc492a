from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.program import Settings
from gateway.units import KIB, MIB
from skytf.model.figures import Figures, Quote
from skytf.model.job import Job, LinkShape, Request
from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.predict import predict
from tests.skytf.hand import (
    EAST,
    GB,
    IOWA,
    PARIS,
    TB,
    WEST,
    assumed,
    figures,
    job,
    link,
    q,
    request,
    site,
    store,
    surveyed,
)
from tests.skytf.requests import A, B

TO_IOWA = request(job(store(EAST), store(IOWA)))
KNOWN = figures(sites=(site(EAST), site(IOWA)), links=(link(EAST, IOWA),))
# 1 TB in objects of 1 GB; frames around chunks of 64 MiB add 0.005 %.
VOLUME = [surveyed(GB, times=1_000)]
FRAMES = 1e-4


def predicted(wanted: Request, known: Figures, volume: Sequence[JobSurvey] = VOLUME) -> Prediction:
    return predict(wanted, volume, plan(wanted), known)


def test_a_volume_takes_as_long_as_its_link_is_slow() -> None:
    """1 TB at 8 Gbit/s = 1 GB/s: 1,000 s; 100 s of boot before and 50 s of removal after it."""
    found = predicted(TO_IOWA, KNOWN)

    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.fleet_s.likely == pytest.approx(1_150, rel=FRAMES)
    assert found.goodput_gbps.likely == pytest.approx(8, rel=FRAMES)
    assert found.bottleneck == "aws:us-east-1 -> gcp:us-central1"
    (one,) = found.links
    assert (one.source, one.target, one.object_bytes) == (EAST, IOWA, TB)
    assert one.capacity_gbps == Span.exactly(8)
    assert one.flow_gbps.likely == pytest.approx(8, rel=FRAMES)


def test_gateways_multiply_what_a_link_reaches() -> None:
    found = predicted(replace(TO_IOWA, instances=4), KNOWN)

    assert found.transfer_s.likely == pytest.approx(250, rel=FRAMES)
    assert found.links[0].capacity_gbps.likely == 32


def test_a_fast_link_makes_for_a_short_time() -> None:
    """Low is with the most that was measured, high with the least."""
    known = figures(sites=(site(EAST), site(IOWA)), links=(link(EAST, IOWA, q(8, 4, 16)),))
    found = predicted(TO_IOWA, known)

    assert found.transfer_s.low == pytest.approx(500, rel=FRAMES)
    assert found.transfer_s.high == pytest.approx(2_000, rel=1e-3)
    assert found.goodput_gbps.high == pytest.approx(16, rel=FRAMES)
    assert found.goodput_gbps.low == pytest.approx(4, rel=1e-3)


def test_an_egress_cap_is_shared_by_all_that_leaves() -> None:
    """2 TB leave at 8 Gbit/s, 1 TB to each of two sites: 2,000 s, though each link could do it in 1,000."""
    two = request(job(store(EAST), store(IOWA), store(PARIS)))
    sites = (site(EAST, cap=q(8)), site(IOWA), site(PARIS))
    found = predicted(two, figures(sites=sites, links=(link(EAST, IOWA), link(EAST, PARIS))))

    assert found.transfer_s.likely == pytest.approx(2_000, rel=FRAMES)
    assert found.bottleneck == "egress of aws:us-east-1"
    assert found.goodput_gbps.likely == pytest.approx(8, rel=FRAMES)
    assert [one.flow_gbps.likely for one in found.links] == pytest.approx([4, 4], rel=FRAMES)


def test_a_byte_for_two_destinations_behind_one_link_passes_once() -> None:
    """1 TB passes the link in 1,000 s, and 2 TB are delivered."""
    two = request(job(store(EAST), store(IOWA, "a"), store(IOWA, "b")))
    found = predicted(two, KNOWN)

    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.goodput_gbps.likely == pytest.approx(16, rel=FRAMES)
    assert found.links[0].object_bytes == TB


def test_a_relay_is_as_fast_as_its_slower_half() -> None:
    links = (link(EAST, WEST, q(8)), link(WEST, IOWA, q(4)))
    found = predicted(replace(TO_IOWA, via=WEST), figures(sites=(site(EAST), site(WEST), site(IOWA)), links=links))

    assert found.transfer_s.likely == pytest.approx(2_000, rel=FRAMES)
    assert found.bottleneck == "aws:us-west-2 -> gcp:us-central1"


def test_jobs_run_at_once_and_share_a_link() -> None:
    both = request(job(store(EAST), store(IOWA)), job(store(EAST, "more"), store(IOWA, "more"), number=1))
    found = predicted(both, KNOWN, [surveyed(GB, times=1_000), surveyed(GB, times=500, number=1)])

    assert found.transfer_s.likely == pytest.approx(1_500, rel=FRAMES)
    assert found.links[0].object_bytes == 1_500 * GB


def test_a_network_counts_each_direction_and_at_worst_both_together() -> None:
    """1 TB comes in from the store and goes out at 8 Gbit/s: 1,000 s, or 2,000 if that is for both."""
    known = figures(sites=(site(EAST, network=q(8)), site(IOWA)), links=(link(EAST, IOWA, q(80)),))
    found = predicted(TO_IOWA, known)

    assert found.bottleneck == "network of aws:us-east-1"
    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.transfer_s.high == pytest.approx(2_000, rel=1e-3)


def test_a_copy_within_a_region_is_as_fast_as_the_network() -> None:
    within = request(job(store(EAST, "a"), store(EAST, "b")))
    found = predicted(within, figures(sites=(site(EAST, network=q(8)),)))

    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.links == ()


def test_what_is_written_to_a_store_elsewhere_leaves_the_region() -> None:
    out = request(job(store(EAST), store(EAST, "account/bucket", scheme="r2")))
    found = predicted(out, figures(sites=(site(EAST, cap=q(8)),)))

    assert found.bottleneck == "egress of aws:us-east-1"
    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)


def test_what_is_written_beside_its_gateways_leaves_nothing() -> None:
    """The destination's own egress cap is narrow, and does not matter."""
    known = figures(sites=(site(EAST), site(IOWA, cap=q(0.001))), links=(link(EAST, IOWA),))

    assert predicted(TO_IOWA, known).transfer_s.likely == pytest.approx(1_000, rel=FRAMES)


def test_of_equals_the_first_by_name_is_the_bottleneck() -> None:
    known = figures(sites=(site(EAST, cap=q(8)), site(IOWA)), links=(link(EAST, IOWA),))

    assert predicted(TO_IOWA, known).bottleneck == "aws:us-east-1 -> gcp:us-central1"


def test_without_the_throughput_of_a_link_nothing_is_likely() -> None:
    """What is known is a lower bound: an egress cap of 8 Gbit/s. The fleet halts after its own limit of an hour."""
    known = figures(sites=(site(EAST, cap=q(8)), site(IOWA)), links=(link(EAST, IOWA, Quote()),))
    found = predicted(TO_IOWA, known)

    assert found.transfer_s.likely is None
    assert found.fleet_s.likely is None
    assert found.goodput_gbps == Span(0, None, pytest.approx(8, rel=FRAMES))
    assert found.transfer_s.low == pytest.approx(1_000, rel=FRAMES)
    assert found.fleet_s.high == 3_600
    assert found.bottleneck == ""
    assert any("aws:us-east-1 -> gcp:us-central1: not known" in text for text in found.unknown)
    assert any("time limit of the fleet (60 min)" in text for text in found.unknown)


def test_a_network_that_is_not_known_leaves_the_likely_time_and_opens_the_upper_bound() -> None:
    known = figures(sites=(site(EAST, network=Quote()), site(IOWA)), links=(link(EAST, IOWA),))
    found = predicted(TO_IOWA, known)

    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.transfer_s.high == 3_600
    assert "The cap on the network of aws:us-east-1: not known, taken for no limit." in found.unknown


def test_without_an_egress_cap_as_much_leaves_as_was_measured_on_one_link() -> None:
    """Both links at once in 1,000 s are likely; that 2 TB leave no faster than one link was measured is possible."""
    two = request(job(store(EAST), store(IOWA), store(PARIS)))
    sites = (site(EAST, cap=Quote()), site(IOWA), site(PARIS))
    found = predicted(two, figures(sites=sites, links=(link(EAST, IOWA), link(EAST, PARIS))))

    assert found.transfer_s.likely == pytest.approx(1_000, rel=FRAMES)
    assert found.transfer_s.high == pytest.approx(2_000, rel=1e-3)


def test_fewer_connections_than_were_measured_with_may_be_slower() -> None:
    """16 of 64: at worst a quarter. Four gateways on the other side make it 64 again."""
    few = replace(TO_IOWA, connections=16)
    many = replace(few, instances=4)

    assert predicted(few, KNOWN).links[0].capacity_gbps == Span(2, 8, 8)
    assert predicted(many, KNOWN).links[0].capacity_gbps == Span.exactly(32)


def test_with_cubic_few_connections_are_likely_slower_the_longer_the_way_is() -> None:
    """4 of the 10 that fill a way of 40 ms; with none known, 4 of 64."""
    few = replace(TO_IOWA, connections=4, settings=Settings(congestion="cubic"))
    near = replace(KNOWN, links=(replace(KNOWN.links[0], rtt_ms=q(40)),))
    far = replace(KNOWN, links=(replace(KNOWN.links[0], rtt_ms=Quote()),))

    assert predicted(few, near).links[0].capacity_gbps == Span(0.5, pytest.approx(3.2), 8)
    assert predicted(few, far).links[0].capacity_gbps == Span(0.5, 0.5, 8)


def test_many_small_objects_take_as_long_as_they_are_asked_for() -> None:
    """1,000,000 objects are 2,000,000 questions to their source, at likely 125 a second: 16,000 s, for 4 GB."""
    found = predicted(TO_IOWA, KNOWN, [surveyed(4 * KIB, times=1_000_000)])

    assert found.bottleneck == "requests of aws:us-east-1"
    assert found.transfer_s.likely == pytest.approx(16_000)
    assert found.transfer_s.high == pytest.approx(20_000)


def test_links_of_this_machine_are_not_known_unless_they_are_shaped() -> None:
    local = request(job(store(A), store(B)), instances=2, connections=4)
    shaped = replace(local, shapes=(LinkShape(B, A, link_mbps=1_000, connection_mbps=100),))

    assert predicted(local, Figures()).transfer_s == Span(0, None, 3_600)
    # a relay for each of 2 x 2 pairs, 4 connections of 100 Mbit/s: 1.6 Gbit/s for 1 TB
    assert predicted(shaped, Figures()).transfer_s == Span(
        pytest.approx(5_000, rel=FRAMES), pytest.approx(5_000, rel=FRAMES), pytest.approx(5_000, rel=FRAMES)
    )
    assert predicted(shaped, Figures()).fleet_s.likely is None  # nobody knows how long this machine takes to start


@pytest.mark.parametrize(
    "only",
    [
        job(store(A, "account/bucket", scheme="r2", within="auto"), store(A)),
        job(store(A), store(A, "account/bucket", scheme="r2", within="auto")),
        job(store(A, scheme="s3", url="https://minio.example"), store(A)),
    ],
    ids=["read", "written", "of an address"],
)
def test_requests_alone_do_not_say_how_fast_the_line_of_this_machine_is(only: Job) -> None:
    found = predicted(request(only), Figures())

    assert (found.transfer_s.likely, found.fleet_s.likely, found.goodput_gbps.likely) == (None, None, None)
    assert (found.transfer_s.high, found.goodput_gbps.low, found.bottleneck) == (3_600, 0, "")
    assert f"The throughput of the network of {A}: not known, so no time can be predicted." in found.unknown


def test_a_shaped_link_is_not_the_line_of_this_machine_to_a_store_elsewhere() -> None:
    shaped = {"shapes": (LinkShape(A, B, link_mbps=1_000),)}
    near = request(job(store(A, scheme="s3", url="http://127.0.0.1:9"), store(B)), **shaped)
    far = request(job(store(A, "account/bucket", scheme="r2", within="auto"), store(B)), **shaped)

    assert predicted(near, Figures()).transfer_s.likely == pytest.approx(8_000, rel=FRAMES)
    assert predicted(far, Figures()).transfer_s.likely is None


@pytest.mark.parametrize(
    ("network", "cap", "seconds"), [(Quote(), Quote(), None), (Quote(), q(8), 1_000), (q(8), Quote(), 1_000)]
)
def test_what_moves_over_no_link_needs_a_cap_that_is_known(network: Quote, cap: Quote, seconds: float | None) -> None:
    out = request(job(store(EAST), store(EAST, "account/bucket", scheme="r2")))
    found = predicted(out, figures(sites=(site(EAST, network=network, cap=cap),)))

    assert found.transfer_s.likely == (None if seconds is None else pytest.approx(seconds, rel=FRAMES))
    assert found.transfer_s.high == (3_600 if seconds is None or not cap.known or not network.known else seconds)


def test_what_is_read_from_elsewhere_needs_a_network_that_is_known() -> None:
    """An egress cap says nothing of what comes in."""
    back = request(job(store(EAST, "account/bucket", scheme="r2"), store(EAST)))

    assert predicted(back, figures(sites=(site(EAST, network=Quote()),))).transfer_s.likely is None
    assert predicted(back, figures(sites=(site(EAST, network=q(8)),))).transfer_s.likely is not None


def test_nothing_takes_no_time() -> None:
    found = predicted(TO_IOWA, KNOWN, [surveyed()])

    assert found.transfer_s == Span.exactly(0)
    assert found.fleet_s == Span.exactly(150)
    assert found.goodput_gbps == Span.exactly(0)


def test_empty_objects_take_the_time_to_ask_for_them() -> None:
    found = predicted(TO_IOWA, KNOWN, [surveyed(0, times=124)])

    assert found.transfer_s.likely == pytest.approx(1)  # as many PUTs, and one look whether the bucket is there
    assert found.goodput_gbps == Span.exactly(0)


def test_a_capacity_of_nothing_is_not_divided_by() -> None:
    known = figures(sites=(site(EAST), site(IOWA)), links=(link(EAST, IOWA, q(0)),))

    assert predicted(TO_IOWA, known).transfer_s.likely is None


def test_where_nothing_is_replaced_the_whole_objects_move_at_least() -> None:
    skipping = replace(TO_IOWA, settings=replace(Settings(), if_exists="skip"))
    found = predicted(skipping, KNOWN, [surveyed(100 * MIB, GB, times=1_000)])

    assert found.transfer_s.low == pytest.approx(104.858)
    assert found.goodput_gbps.high == pytest.approx(8, rel=FRAMES)


def test_what_was_not_taken_into_account_is_said() -> None:
    plain = replace(Settings(), compression="none")
    local = request(job(store(A), store(B)), settings=plain)

    assert predicted(TO_IOWA, KNOWN).unknown == (
        "What stores let one read and write in a second: not known. Where they allow less, it takes longer.",
        "How well the objects compress: not counted on, it can only make it faster and cheaper.",
    )
    assert predicted(local, Figures()).unknown == (
        "The throughput of local:a -> local:b: not known, so no time can be predicted.",
        "How fast this machine, its disks and its network are: not known.",
        "How long VMs take to start: not known.",
        "How long VMs take to go: not known.",
        "The longest time: not known, so it is the time limit of the fleet (60 min).",
    )


def test_figures_are_rounded() -> None:
    found = predicted(TO_IOWA, KNOWN, [assumed(7, 1_234_567_891_234)])

    for span in (found.transfer_s, found.fleet_s):
        assert all(value is not None and value == round(value, 3) for value in (span.low, span.likely, span.high))


def test_the_time_to_predict_does_not_grow_with_the_links_between_gateways() -> None:
    """2 x 256 gateways have 65,536 links; they are not even looked at."""
    wanted = replace(TO_IOWA, instances=256)
    topology = plan(wanted)
    blind = replace(topology, links=())

    assert predict(wanted, VOLUME, blind, KNOWN) == predict(wanted, VOLUME, topology, KNOWN)
    assert predict(wanted, VOLUME, blind, KNOWN).links[0].capacity_gbps.likely == 256 * 8


SPANS = st.tuples(*[st.floats(0.01, 100)] * 3).map(sorted).map(lambda three: q(three[1], three[0], three[2]))
MAYBE = st.one_of(SPANS, st.just(Quote()))


@hypothesis_settings(deadline=None)  # how long it takes says nothing on a busy machine
@given(
    st.tuples(SPANS, MAYBE, MAYBE),
    st.tuples(st.integers(0, 10**15), st.integers(1, 10**7)),
    st.tuples(st.integers(1, 16), st.integers(1, 256)),
)
def test_bounds_are_in_order_more_bytes_take_no_less_and_more_gateways_no_more(
    quotes: tuple[Quote, Quote, Quote], volume: tuple[int, int], fleet: tuple[int, int]
) -> None:
    gbps, cap, network = quotes
    size, objects = volume
    instances, connections = fleet
    known = figures(sites=(site(EAST, cap=cap, network=network), site(IOWA)), links=(link(EAST, IOWA, gbps),))
    wanted = replace(TO_IOWA, instances=instances, connections=connections)
    found = predicted(wanted, known, [assumed(objects, size)])
    larger = predicted(wanted, known, [assumed(objects, size + 10**12)])
    wider = predicted(replace(wanted, instances=instances + 1), known, [assumed(objects, size)])

    for span in (found.transfer_s, found.fleet_s, found.goodput_gbps, *(one.capacity_gbps for one in found.links)):
        bounds = [value for value in (span.low, span.likely, span.high) if value is not None]
        assert bounds == sorted(bounds)
    assert (larger.transfer_s.likely or 0) >= (found.transfer_s.likely or 0)
    assert larger.transfer_s.low >= found.transfer_s.low
    assert (wider.transfer_s.likely or 0) <= (found.transfer_s.likely or 0)
    assert wider.transfer_s.low <= found.transfer_s.low
