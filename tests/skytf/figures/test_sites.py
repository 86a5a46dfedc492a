"""The numbers are those of the catalog's tables, looked up by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.tables import load
from skytf.figures.sites import site
from skytf.model.figures import Quote, SiteFigures
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.span import Span
from tests.skytf.catalog.tables import table


def at(region: str, *directories: Path, **options: object) -> SiteFigures:
    asked = Request((), **options)  # type: ignore[arg-type]  # whatever a test needs
    return site(asked, Region.parse(region), load([str(one) for one in directories]))


@pytest.mark.parametrize(
    ("region", "instance", "gbps", "prices"),
    [
        ("aws:us-east-1", ("m5.8xlarge", 32), (10, 5), [1.536, 0.08, 0.005]),
        ("gcp:us-central1", ("n2-standard-16", 16), (32, 7), [0.776944, 0.1, 0.005]),
        ("azure:westus", ("Standard_D8s_v5", 8), (12.5, 12.5), [0.448, 0.075, 0.005]),
        ("ibm:us-south", ("bx2-16x64", 16), (24, 24), [0.795, 0.13, 0.00137]),
    ],
)
def test_a_site_has_the_figures_of_the_type_that_its_gateways_get(
    region: str, instance: tuple[str, int], gbps: tuple[float, float], prices: list[float]
) -> None:
    found = at(region)

    quotes = (found.usd_per_hour, found.disk_usd_per_gb_month, found.address_usd_per_hour)
    assert (found.instance_type, found.vcpus) == instance
    assert (found.network_gbps.value.likely, found.egress_cap_gbps.value.likely) == gbps
    assert [one.value.likely for one in quotes] == prices
    assert all(one.date and one.source for one in quotes)
    assert found.place
    assert found.latitude is not None


def test_the_chosen_type_counts() -> None:
    found = at("aws:us-east-1", site_options=(SiteOption("aws", "instance_types", ("c5n.9xlarge", "m5.8xlarge")),))

    assert (found.instance_type, found.vcpus, found.egress_cap_gbps.value.likely) == ("c5n.9xlarge", 36, 25)


def test_what_is_known_of_another_region_only_is_widened_and_that_is_said() -> None:
    disk = at("aws:sa-east-1").disk_usd_per_gb_month

    assert disk.value == Span(0.08 / 2.1, 0.08, 0.08 * 2.1).rounded(6)
    assert disk.rule == "no price of sa-east-1 is known: that of us-east-1, bounds 2.1 times less and more"


def test_a_price_that_no_row_has_is_unknown() -> None:
    assert at("ibm:eu-es").usd_per_hour == Quote()


def test_a_disk_is_as_large_as_its_module_makes_it() -> None:
    assert [at(name, disk_gib=30).disk_gib for name in ("aws:us-east-1", "ibm:us-south")] == [30, 100]
    assert at("ibm:us-south", disk_gib=200).disk_gib == 200


def test_a_disk_type_that_no_row_has_is_unknown() -> None:
    newer = (SiteOption("gcp", "instance_types", ("c4-standard-8",)),)

    assert at("gcp:us-central1", site_options=newer).disk_usd_per_gb_month == Quote()


def test_a_spot_price_moves_and_never_above_that_on_demand() -> None:
    on_demand, spot = at("gcp:us-central1").usd_per_hour.value, at("gcp:us-central1", spot=True).usd_per_hour

    assert spot.value.likely is not None
    assert spot.value.low == round(spot.value.likely / 1.4, 6)
    assert spot.value.likely < (spot.value.high or 0) <= (on_demand.high or 0)
    assert spot.rule.startswith("spot prices move")


def test_where_a_spot_price_is_near_that_on_demand_it_moves_up_to_that(tmp_path: Path) -> None:
    table(tmp_path, "instance_prices", "gcp,us-central1,n2-standard-16,1,0.9,2026-10-01,our bill")

    spot = at("gcp:us-central1", tmp_path, spot=True).usd_per_hour

    assert spot.value == Span(0.9 / 1.4, 0.9, 1.0).rounded(6)


def test_an_unknown_spot_price_is_at_most_that_on_demand() -> None:
    found = at("aws:us-east-1", spot=True).usd_per_hour

    assert found.value == Span(0.0, None, 1.536)
    assert found.source == "karpenter-aws"
    assert "no spot price is known" in found.rule


def test_private_gateways_pay_no_address_and_google_does_not_cap_them() -> None:
    network = (SiteOption("gcp", "existing_network", ("projects/p/regions/us-central1/subnetworks/s",)),)

    found = at("gcp:us-central1", private_addresses=True, site_options=network)

    assert found.address_usd_per_hour.value == Span.exactly(0.0)
    assert found.address_usd_per_hour.rule == "gateways have no public addresses"
    assert found.egress_cap_gbps.value == Span.exactly(32.0)


def test_private_gateways_of_aws_are_capped_all_the_same() -> None:
    network = (SiteOption("aws", "existing_network", ("subnet-1",)),)

    assert at("aws:us-east-1", private_addresses=True, site_options=network).egress_cap_gbps.value.likely == 5


def test_a_cap_that_is_not_known_is_that_of_the_network() -> None:
    assert at("azure:westus").egress_cap_gbps.rule == "no cap of its own is known: that of the network"


def test_a_users_price_for_any_region_wins_over_all_of_ours(tmp_path: Path) -> None:
    table(tmp_path, "disks", "aws,any,gp3,0.07,2026-10-01,our contract")

    for region in ("aws:us-east-1", "aws:sa-east-1"):
        found = at(region, tmp_path).disk_usd_per_gb_month
        assert found == Quote(Span.exactly(0.07), "2026-10-01", "our contract")


def test_the_price_of_the_region_wins_over_that_for_any(tmp_path: Path) -> None:
    rows = (
        "aws,any,gp3,0.07,2026-10-01,x",
        "aws,sa-east-1,gp3,0.09,2026-10-01,x",
        "aws,us-east-1,gp3,0.06,2026-10-01,x",
    )
    table(tmp_path, "disks", *rows)

    likely = [at(f"aws:{name}", tmp_path).disk_usd_per_gb_month.value.likely for name in ("sa-east-1", "eu-west-1")]

    assert likely == [0.09, 0.07]
