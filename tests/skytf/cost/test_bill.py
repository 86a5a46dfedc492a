from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.units import MIB
from skytf.cost import estimate, expected_usage, price
from skytf.model.cost import ADDRESSES, DISKS, EGRESS, INSTANCES, KINDS, REQUESTS, Cost, CostLine
from skytf.model.figures import Figures, Quote
from skytf.model.job import Request
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.model.usage import FleetTime, Moved, Requests, Usage
from skytf.planner import plan
from skytf.predict import predict
from tests.skytf.hand import (
    EAST,
    GB,
    IOWA,
    PARIS,
    WEST,
    assumed,
    egress,
    figures,
    job,
    link,
    prices,
    q,
    request,
    site,
    store,
    surveyed,
)
from tests.skytf.requests import A, B

TO_IOWA = request(job(store(EAST), store(IOWA)))
KNOWN = figures(
    sites=(site(EAST), site(IOWA, hour=q(3))),
    links=(link(EAST, IOWA),),
    out=(egress(EAST, IOWA, 0.09), egress(IOWA, EAST, 0)),
    stores=(prices("job-0-source"), prices("job-0-destination-0")),
)
VOLUME = [surveyed(GB, times=1_000)]
FRAMES = 1e-4


def billed(wanted: Request, known: Figures, volume: Sequence[JobSurvey] = VOLUME) -> Cost:
    topology = plan(wanted)
    return estimate(wanted, volume, topology, known, predict(wanted, volume, topology, known))


def line(cost: Cost, kind: str, where: object, what: str = "") -> CostLine:
    (found,) = [one for one in cost.lines if (one.kind, one.where) == (kind, str(where)) and one.what.startswith(what)]
    return found


def bill_of(usage: Usage, known: Figures, wanted: Request = TO_IOWA) -> Cost:
    return price(usage, wanted, known)


def stood(seconds: float, gateways: int = 1) -> Usage:
    return Usage((), (FleetTime(EAST, gateways, Span.exactly(seconds)),), (), ())


def moved(size_gb: float, *, source: object = EAST, target: object = IOWA) -> Moved:
    return Moved(str(source), str(target), Span.exactly(size_gb * GB), (("job-0", 0),))


def test_two_sites_are_billed_all_in() -> None:
    """
    1 TB in 1,000 s and 150 s around it, one gateway at each end.

    Egress 1,000 GB x 0.09 = 90. Instances 1,150 s x (1 + 3) an hour = 1.2778. Disks 30 GB x 0.73 / 730 an hour
    = 0.03 x 1,150 s, of two = 0.019167. Addresses 0.01 x 1,150 s, of two = 0.006389. Requests: 1,000 objects of 15
    chunks: 16,000 GET, 3 + 1 LIST, at the source; 1,001 GET, 2,000 PUT, 15,000 parts, 1 LIST at the destination:
    (17,001 x 0.01 + 2,000 x 0.1 + 15,000 x 0.05 + 5 x 0.02) / 1,000 = 1.12011.
    """
    found = billed(TO_IOWA, KNOWN)

    assert found.of_kind(EGRESS).likely == pytest.approx(90, rel=FRAMES)
    assert found.of_kind(INSTANCES).likely == pytest.approx(1.2778, rel=FRAMES)
    assert found.of_kind(DISKS).likely == pytest.approx(0.019167, rel=FRAMES)
    assert found.of_kind(ADDRESSES).likely == pytest.approx(0.006389, rel=1e-3)
    assert found.of_kind(REQUESTS).likely == pytest.approx(1.12011)
    assert found.total_usd.likely == pytest.approx(92.4235, rel=FRAMES)
    assert found.unknown == ()


def test_every_line_says_of_what_where_and_by_which_price() -> None:
    found = billed(replace(TO_IOWA, instances=2), KNOWN)
    instances = line(found, INSTANCES, IOWA)

    assert (instances.what, instances.unit, instances.source) == ("2 x big", "hours", "made up, 2026-01-01")
    assert instances.usd_per_unit == Span.exactly(3)
    assert line(found, EGRESS, EAST).what == f"to {IOWA}"
    assert line(found, DISKS, EAST).what == "2 x 30 GiB"
    assert line(found, ADDRESSES, EAST).what == "2 public addresses"
    assert line(found, REQUESTS, "gs://bucket/", "put").what == "put requests, job-0-destination-0"
    assert [KINDS.index(one.kind) for one in found.lines] == sorted(KINDS.index(one.kind) for one in found.lines)


def test_at_most_every_started_hour_is_billed_and_headers_are() -> None:
    """1,150 s are an hour of each VM; of 1,500 bytes on the wire TCP carries 1,448."""
    found = billed(TO_IOWA, KNOWN)

    assert line(found, INSTANCES, EAST).quantity.high == 1
    assert line(found, EGRESS, EAST).quantity.high == pytest.approx(1_000 * 1_500 / 1_448, rel=1e-3)
    assert line(found, EGRESS, EAST).quantity.low == 1_000
    assert line(bill_of(stood(3_601, gateways=3), KNOWN), INSTANCES, EAST).quantity.high == 6


def test_receipts_go_back_and_are_billed_by_the_other_side() -> None:
    """15,000 chunks answered with 300 bytes: 4.5 MB. TCP's own acknowledgements may be 52 bytes for 2,896."""
    back = line(billed(TO_IOWA, replace(KNOWN, egress=(egress(IOWA, EAST, 1.0),))), EGRESS, IOWA)

    assert back.what == f"to {EAST}"
    assert back.quantity.low == 0
    assert back.usd.likely == pytest.approx(0.0045)
    assert back.usd.high == pytest.approx(1_000 * 52 / 2_896 + 16_000 * 3e-6, rel=0.01)


def test_a_relay_is_billed_for_what_it_sends_on() -> None:
    known = figures(
        sites=(site(EAST), site(WEST), site(IOWA)),
        links=(link(EAST, WEST), link(WEST, IOWA)),
        out=(
            egress(EAST, WEST, 0.02),
            egress(WEST, IOWA, 0.09),
            egress(WEST, EAST, 0),
            egress(IOWA, WEST, 0),
        ),
        stores=KNOWN.stores,
    )
    found = billed(replace(TO_IOWA, via=WEST), known)

    assert line(found, EGRESS, EAST).usd.likely == pytest.approx(20, rel=FRAMES)
    assert line(found, EGRESS, WEST, f"to {IOWA}").usd.likely == pytest.approx(90, rel=FRAMES)
    assert line(found, INSTANCES, WEST).usd.likely == pytest.approx(1_150 / 3_600, rel=FRAMES)


def test_a_byte_for_two_destinations_behind_one_link_is_billed_once_and_shared() -> None:
    two = request(job(store(EAST), store(IOWA, "a"), store(IOWA, "b")))
    found = billed(two, KNOWN)
    first, second = found.shares

    assert found.of_kind(EGRESS).likely == pytest.approx(90, rel=FRAMES)
    assert (first.url, second.url) == ("gs://a/", "gs://b/")
    assert "requests of gs://b/: no price known" in found.unknown  # the catalog knows the first destination only
    assert second.usd.likely is None
    # half of the egress, of the fleet and of what the source was asked; its own requests
    assert first.usd.likely == pytest.approx(45 + 1.3033 / 2 + 0.16008 / 2 + 0.96003, rel=FRAMES)


def test_destinations_behind_two_links_pay_for_their_own() -> None:
    two = request(job(store(EAST), store(IOWA), store(PARIS)))
    known = figures(
        sites=(site(EAST), site(IOWA), site(PARIS)),
        links=(link(EAST, IOWA), link(EAST, PARIS)),
        out=(egress(EAST, IOWA, 0.09), egress(EAST, PARIS, 0.5), egress(IOWA, EAST, 0), egress(PARIS, EAST, 0)),
        stores=[prices(f"job-0-{end}") for end in ("source", "destination-0", "destination-1")],
    )
    found = billed(two, known)
    first, second = (share.usd.likely for share in found.shares)

    assert found.of_kind(EGRESS).likely == pytest.approx(590, rel=FRAMES)
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(500 - 90, rel=FRAMES)


def test_two_jobs_share_the_fleet_by_what_they_deliver() -> None:
    """3 TB and 1 TB over the same link: three quarters and one of egress and fleet, requests apart."""
    both = request(job(store(EAST), store(IOWA)), job(store(EAST, "more"), store(IOWA, "more"), number=1))
    stores = [prices(f"job-{n}-{end}") for n in (0, 1) for end in ("source", "destination-0")]
    volume = [surveyed(GB, times=3_000), surveyed(GB, times=1_000, number=1)]
    found = billed(both, replace(KNOWN, stores=tuple(stores)), volume)

    assert [one.where for one in found.lines if one.kind == EGRESS] == [str(EAST), str(IOWA)]
    assert found.of_kind(EGRESS).likely == pytest.approx(360, rel=FRAMES)
    assert found.shares[0].usd.likely == pytest.approx(3 * (found.shares[1].usd.likely or 0), rel=1e-4)


def test_equal_tiers_of_one_region_are_one_volume() -> None:
    """Two lines of 600 GB, dear up to 1,000 GB: (1,000 x 1 + 200 x 0.1) / 1,200 for each GB of both."""
    known = figures(out=(egress(EAST, IOWA, 1.0, (1_000, 0.1)), egress(EAST, PARIS, 1.0, (1_000, 0.1))))
    usage = Usage((moved(600), moved(600, target=PARIS)), (), (), ())
    found = bill_of(usage, known)

    assert found.total_usd == Span(pytest.approx(120), pytest.approx(1_020), pytest.approx(1_020))
    assert line(found, EGRESS, EAST, f"to {PARIS}").usd.likely == pytest.approx(510)
    assert line(found, EGRESS, EAST, f"to {PARIS}").usd_per_unit.likely == pytest.approx(0.85)


def test_other_tiers_and_other_regions_are_other_volumes() -> None:
    known = figures(out=(egress(EAST, IOWA, 1.0, (1_000, 0.1)), egress(WEST, IOWA, 1.0, (1_000, 0.1))))
    found = bill_of(Usage((moved(600), moved(600, source=WEST)), (), (), ()), known)

    assert found.total_usd.likely == pytest.approx(1_200)


def test_the_gb_is_the_one_that_the_cloud_bills() -> None:
    known = figures(out=(replace(egress(EAST, IOWA, 0.5), gb_bytes=2**30),))
    found = bill_of(Usage((moved(2**31 / GB),), (), (), ()), known)

    assert line(found, EGRESS, EAST).quantity == Span.exactly(2)
    assert line(found, EGRESS, EAST).unit == "GiB"
    assert found.total_usd == Span.exactly(1)


def test_private_gateways_have_no_addresses_to_pay_for() -> None:
    found = billed(replace(TO_IOWA, private_addresses=True), KNOWN)

    assert found.of_kind(ADDRESSES) == Span.exactly(0)
    assert ADDRESSES not in {one.kind for one in found.lines}


def test_what_comes_from_r2_is_billed_by_r2() -> None:
    wanted = request(job(store(IOWA, "account/bucket", scheme="r2"), store(IOWA)))
    known = replace(KNOWN, sites=(site(IOWA),), egress=(egress("r2://account/bucket", IOWA, 0.0),), boot_s=q(0))
    found = billed(wanted, known)

    assert line(found, EGRESS, "r2://account/bucket").usd == Span.exactly(0)
    assert line(found, REQUESTS, "r2://account/bucket/", "get").usd.likely == pytest.approx(0.16)


def test_a_price_that_is_not_known_is_named_and_leaves_a_lower_bound() -> None:
    found = billed(TO_IOWA, replace(KNOWN, egress=(), sites=(site(EAST), site(IOWA, hour=Quote()))))

    assert found.unknown == (
        "egress of aws:us-east-1 to gcp:us-central1: no price known",
        "egress of gcp:us-central1 to aws:us-east-1: no price known",
        "instances of gcp:us-central1: no price known",
    )
    assert found.total_usd == Span(pytest.approx(1.4, rel=0.1), None, None)
    assert line(found, EGRESS, EAST).quantity.likely == pytest.approx(1_000, rel=FRAMES)
    assert line(found, EGRESS, EAST).usd == Span(0, None, None)


def test_an_estimate_that_is_only_a_bound_says_by_which_rule() -> None:
    """The price of a spot VM: at most what it costs on demand."""
    spot = Quote(Span(0, None, 1), "2026-01-01", "made up", "no spot price is known: at most the price on demand")
    found = bill_of(stood(3_600), replace(KNOWN, sites=(site(EAST, hour=spot),)))

    assert line(found, INSTANCES, EAST).usd == Span(0, None, 1)
    assert found.unknown == ("instances of aws:us-east-1: no spot price is known: at most the price on demand",)


def test_a_time_that_is_not_known_has_the_fleets_limit_as_its_bound() -> None:
    found = billed(TO_IOWA, replace(KNOWN, links=(link(EAST, IOWA, Quote()),)))

    assert line(found, INSTANCES, EAST).usd == Span(pytest.approx(0.0638, abs=1e-3), None, 1)
    assert found.total_usd.likely is None
    assert found.total_usd.high is not None
    assert "instances of aws:us-east-1: how long they stand is not known" in found.unknown


def test_this_machine_bills_nobody() -> None:
    found = billed(request(job(store(A), store(B))), Figures())

    assert found.lines == ()
    assert found.total_usd == Span.exactly(0)
    assert found.unknown == ()


def test_retrieval_is_billed_by_what_is_read() -> None:
    known = replace(KNOWN, stores=(prices("job-0-source", retrieval=0.01), prices("job-0-destination-0")))
    found = line(billed(TO_IOWA, known), REQUESTS, "s3://bucket/", "retrieval")

    assert found.unit == "GB"
    assert found.usd == Span(pytest.approx(10 * GB / 2**30), 10, 10)


def test_a_small_transfer_still_says_something() -> None:
    """One object of 1 MiB: 0.00009 of egress, and three questions."""
    found = billed(TO_IOWA, KNOWN, [surveyed(MIB)])

    assert line(found, EGRESS, EAST).usd.likely == pytest.approx(0.000094, abs=1e-6)
    assert line(found, REQUESTS, "gs://bucket/", "put").usd.likely == pytest.approx(0.0001)


def test_nothing_costs_the_fleet_only() -> None:
    found = billed(TO_IOWA, KNOWN, [surveyed()])

    assert found.of_kind(EGRESS) == Span.exactly(0)
    assert found.of_kind(INSTANCES).likely == pytest.approx(150 / 3_600 * 4, rel=1e-4)
    assert found.shares[0].usd == found.total_usd


def test_what_was_used_is_priced_the_same_way() -> None:
    """As expected, so billed: the same lines, whether planned or done."""
    topology = plan(TO_IOWA)
    prediction = predict(TO_IOWA, VOLUME, topology, KNOWN)
    usage = expected_usage(TO_IOWA, VOLUME, topology, prediction)
    used = Usage(
        moved=(moved(1_000),),
        fleet=tuple(FleetTime(region, 1, Span.exactly(1_150)) for region in (EAST, IOWA)),
        requests=(Requests("job-0-source", "get", Span.exactly(16_000), (("job-0", 0),)),),
        delivered=((("job-0", 0), 1_000 * GB),),
        unknown=("nobody counted what was listed",),
    )

    assert price(usage, TO_IOWA, KNOWN) == billed(TO_IOWA, KNOWN)
    assert price(used, TO_IOWA, KNOWN).total_usd.likely == pytest.approx(90 + 1.3033 + 0.16, rel=FRAMES)
    assert price(used, TO_IOWA, KNOWN).unknown == ("nobody counted what was listed",)


def test_bytes_that_nobody_counted_make_the_bill_open() -> None:
    lost = replace(moved(1), wire_bytes=Span())
    found = bill_of(Usage((lost,), (), (), ()), KNOWN)

    assert found.total_usd == Span(0, None, None)
    assert found.unknown == ("egress of aws:us-east-1 to gcp:us-central1: how much it is, is not known",)


SPANS = st.tuples(*[st.floats(0.001, 2)] * 3).map(sorted).map(lambda three: q(three[1], three[0], three[2]))
MAYBE = st.one_of(SPANS, st.just(Quote()))


@example((Quote(), Quote(), q(1), q(1)), [(0, 1), (50_006_589_440_001, 1)], 1)
@settings(deadline=None)  # how long it takes says nothing on a busy machine
@given(
    st.tuples(MAYBE, MAYBE, SPANS, SPANS),
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 10**6)), min_size=2, max_size=2),
    st.integers(1, 16),
)
def test_bounds_are_in_order_shares_are_the_whole_and_more_bytes_never_cost_less(
    quotes: tuple[Quote, Quote, Quote, Quote], volumes: list[tuple[int, int]], instances: int
) -> None:
    hour, gbps, per_gb, later = quotes
    wanted = request(
        job(store(EAST), store(IOWA, "a"), store(IOWA, "b")),
        job(store(EAST, "c"), store(PARIS, "d"), number=1),
        instances=instances,
        ttl_minutes=10**6,
    )
    ends = ("job-0-source", "job-0-destination-0", "job-0-destination-1", "job-1-source", "job-1-destination-0")
    tiers = replace(egress(EAST, IOWA, 1.0, (5_000, 1.0)), tiers=())
    first, last = egress(EAST, IOWA, 1.0, (5_000, 1.0)).tiers
    tiers = replace(tiers, tiers=(replace(first, usd_per_gb=per_gb), replace(last, usd_per_gb=later)))
    known = figures(
        sites=(site(EAST, hour=hour), site(IOWA), site(PARIS)),
        links=(link(EAST, IOWA, gbps), link(EAST, PARIS, q(5))),
        out=(tiers, replace(tiers, target=str(PARIS)), egress(IOWA, EAST, 0.01), egress(PARIS, EAST, 0.02)),
        stores=[prices(end) for end in ends],
    )
    small = [assumed(objects, size, number) for number, (size, objects) in enumerate(volumes)]
    large = [replace(one, bytes=one.bytes + 10**12) for one in small]

    found, larger = billed(wanted, known, small), billed(wanted, known, large)

    for span in (found.total_usd, *(one.usd for one in found.lines), *(one.usd_per_unit for one in found.lines)):
        bounds = [value for value in (span.low, span.likely, span.high) if value is not None]
        assert bounds == sorted(bounds), span
    for name in ("low", "likely", "high"):
        shares = [getattr(share.usd, name) for share in found.shares]
        total = getattr(found.total_usd, name)
        assert (total is None) == (None in shares)
        assert total is None or sum(shares) == pytest.approx(total, abs=2e-6)
    assert larger.total_usd.low >= found.total_usd.low
    assert (larger.total_usd.likely is None) == (found.total_usd.likely is None)
    assert (larger.total_usd.likely or 0) >= (found.total_usd.likely or 0)
