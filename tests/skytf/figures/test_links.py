"""The numbers are those of skytf/catalog/data/throughput.csv and rtt.csv, looked up by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.tables import load
from skytf.figures.links import Lines, link
from skytf.model.figures import LinkFigures, Quote
from skytf.model.job import LinkShape, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.span import Span
from tests.skytf.catalog.tables import table

GRIDS = "skyplane-broadcast;skyplane-throughput"


def between(source: str, target: str, *directories: Path, **options: object) -> LinkFigures:
    if options.get("private_addresses"):
        options["site_options"] = tuple(SiteOption(one, "existing_network", (one,)) for one in {source, target})
    asked = Request((), **options)  # type: ignore[arg-type]  # whatever a test needs
    return link(asked, Region.parse(source), Region.parse(target), Lines(load([str(one) for one in directories])))


@pytest.mark.parametrize(
    ("source", "target", "low", "likely", "high"),
    [
        # received 2022-01, sent 2022-11, sent 2022-01
        ("aws:us-east-1", "aws:eu-west-1", 4.318, 5.022, 5.081),
        ("aws:us-east-1", "gcp:us-central1", 4.652, 5.072, 5.093),
        ("azure:eastus", "aws:us-west-2", 6.773, 7.53, 7.956),
    ],
)
def test_what_was_measured_twice_lies_between_what_was_seen(
    source: str, target: str, low: float, likely: float, high: float
) -> None:
    assert between(source, target).throughput_gbps == Quote(Span(low, likely, high), "2022-11-28", GRIDS)


def test_inside_google_the_addresses_decide() -> None:
    ends = ("gcp:us-central1", "gcp:europe-west4")

    external, internal = between(*ends), between(*ends, private_addresses=True)

    assert external.throughput_gbps == Quote(Span(5.357, 7.074, 7.074), "2022-01-29", "skyplane-throughput")
    assert internal.throughput_gbps.value == Span(13.617, 20.027, 20.027)
    assert internal.throughput_gbps.source == "skyplane-broadcast;skyplane-gcp-intracloud"


def test_private_addresses_of_other_clouds_are_taken_for_public_ones_and_that_is_said() -> None:
    found = between("aws:us-east-1", "aws:eu-west-1", private_addresses=True).throughput_gbps

    assert found.value.likely == 5.022
    assert found.rule == "measured between public addresses"


def test_what_was_measured_once_is_widened_by_a_rule() -> None:
    found = between("aws:us-east-1", "azure:brazilsouth").throughput_gbps

    likely = found.value.likely
    assert likely is not None
    assert found.value == Span(likely * 0.57, likely, likely * 1.39).rounded(6)
    assert found.rule == "measured once: bounds 0.57 and 1.39 times"


def test_rtt_is_measured_both_ways() -> None:
    assert between("aws:us-east-1", "gcp:us-central1").rtt_ms == Quote(
        Span(28.5, 28.5, 41.9), "2022-04-16", "skyplane-latency"
    )


def test_a_pair_of_two_known_clouds_is_estimated_from_pairs_of_theirs_of_that_length() -> None:
    found = between("aws:mx-central-1", "aws:us-east-1")

    assert found.throughput_gbps.rule.startswith("by distance (3002 km): median of the 20 measured pairs nearest")
    assert found.throughput_gbps.rule.endswith("of these clouds, bounds 10th and 90th percentile")
    low, likely, high = (found.throughput_gbps.value.low, *_known(found.throughput_gbps))
    assert 4 < low <= likely <= high < 6  # AWS lets 5 Gbit/s out
    assert found.rtt_ms.known


def test_an_estimate_is_made_of_pairs_in_its_own_direction() -> None:
    out, back = between("aws:mx-central-1", "gcp:us-central1"), between("gcp:us-central1", "aws:mx-central-1")

    assert _known(out.throughput_gbps)[1] < 5.5  # AWS lets 5 Gbit/s out, Google 7
    assert back.throughput_gbps.value.low > 6.5


def test_a_cloud_that_nobody_measured_is_estimated_from_all_others_and_wider() -> None:
    ibm = between("ibm:us-south", "aws:us-east-1").throughput_gbps
    aws = between("aws:us-east-2", "gcp:us-south1").throughput_gbps

    assert ibm.rule.endswith("of other clouds, bounds their least and most")
    assert ibm.value.low < aws.value.low
    assert _known(ibm)[1] > _known(aws)[1]


def test_without_coordinates_nothing_is_known() -> None:
    found = between("aws:ap-south-2", "aws:us-east-1")

    assert (found.throughput_gbps, found.rtt_ms) == (Quote(), Quote())


def test_the_operators_own_line_is_not_known() -> None:
    for found in (between("local:a", "aws:us-east-1"), between("aws:us-east-1", "local:b")):
        assert (found.throughput_gbps, found.rtt_ms) == (Quote(), Quote())


@pytest.mark.parametrize(
    ("shape", "gbps"),
    [
        (LinkShape(Region("local", "a"), Region("local", "b"), link_mbps=200, delay_ms=75), 0.2),
        (LinkShape(Region("local", "a"), Region("local", "b"), link_mbps=200, connection_mbps=12.5), 0.05),
        (LinkShape(Region("local", "a"), Region("local", "b"), delay_ms=75), None),
    ],
)
def test_links_of_this_machine_are_as_they_are_shaped(shape: LinkShape, gbps: float | None) -> None:
    found = between("local:a", "local:b", shapes=(shape,), connections=4)

    expected = Quote() if gbps is None else Quote(Span.exactly(gbps), "", "shape")
    assert found.throughput_gbps == expected
    assert found.rtt_ms == Quote(Span.exactly(shape.delay_ms), "", "shape")


def test_rtt_of_shapes_counts_both_directions() -> None:
    there = LinkShape(Region("local", "a"), Region("local", "b"), delay_ms=75)
    back = LinkShape(Region("local", "b"), Region("local", "a"), delay_ms=25)

    assert between("local:a", "local:b", shapes=(there, back)).rtt_ms.value == Span.exactly(100.0)


def test_a_users_measurement_puts_all_of_ours_for_the_pair_aside(tmp_path: Path) -> None:
    table(tmp_path, "throughput", "aws:us-east-1,aws:eu-west-1,any,9.5,2026-10-01,our iperf3")

    found = between("aws:us-east-1", "aws:eu-west-1", tmp_path).throughput_gbps

    assert (found.value.likely, found.date, found.source) == (9.5, "2026-10-01", "our iperf3")


def _known(quote: Quote) -> tuple[float, float]:
    assert quote.value.likely is not None
    assert quote.value.high is not None
    return quote.value.likely, quote.value.high
