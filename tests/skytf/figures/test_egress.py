"""The prices are those of skytf/catalog/data/egress.csv, looked up by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.tables import load
from skytf.model.figures import EgressFigures
from skytf.model.job import Endpoint
from tests.skytf.catalog.tables import table
from tests.skytf.figures.ends import end, of, request

GB = 10**9
GIB = 2**30


def way(
    source: Endpoint, target: Endpoint, *directories: Path, **options: object
) -> dict[tuple[str, str], EgressFigures]:
    found = of(request(source, target, **options), load([str(one) for one in directories]))
    return {(one.source, one.target): one for one in found.egress}


def ladder(figures: EgressFigures) -> list[tuple[float, float | None, float | None]]:
    return [(one.from_gb, one.to_gb, one.usd_per_gb.value.likely) for one in figures.tiers]


@pytest.mark.parametrize(
    ("source", "target", "steps", "gb_bytes"),
    [
        ("aws:us-east-1", "aws:eu-west-1", [(0, None, 0.02)], GB),
        ("aws:us-east-1", "aws:us-east-2", [(0, None, 0.01)], GB),  # a row of this very pair
        (
            *("aws:us-east-1", "gcp:us-central1"),
            [(0, 10240, 0.09), (10240, 51200, 0.085), (51200, 153600, 0.07), (153600, None, 0.05)],
            GB,
        ),
        (
            *("azure:eastus", "aws:us-west-2"),
            [(0, 100, 0), (100, 10335, 0.087), (10335, 51295, 0.083), (51295, 153695, 0.07), (153695, 512095, 0.05),
             (512095, None, 0.05)],
            GB,
        ),
        ("azure:eastus", "azure:westeurope", [(0, None, 0.05)], GB),  # another continent
        ("azure:eastus", "azure:westus2", [(0, None, 0.02)], GB),  # the same
        ("gcp:us-central1", "gcp:europe-west4", [(0, None, 0.08)], GIB),
        ("gcp:us-central1", "aws:us-east-1", [(0, 1024, 0.12), (1024, 10240, 0.11), (10240, None, 0.08)], GIB),
        ("gcp:us-central1", "aws:ap-southeast-2", [(0, 1024, 0.19), (1024, 10240, 0.18), (10240, None, 0.15)], GIB),
        ("gcp:australia-southeast1", "gcp:asia-southeast2", [(0, None, 0.1)], GIB),  # Jakarta is a group of its own
        (
            *("ibm:us-south", "aws:us-east-1"),
            [(0, 5, 0), (5, 10000, 0.087), (10000, 50000, 0.083), (50000, 150000, 0.07), (150000, None, 0.05)],
            GB,
        ),
        ("ibm:us-south", "ibm:eu-de", [], GB),
        ("ibm:br-sao", "aws:us-east-1", [], GB),
        ("gcp:me-west1", "gcp:us-central1", [], GB),
        ("aws:ap-southeast-4", "gcp:us-central1", [], GB),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_link_is_billed_as_its_source_says(
    source: str, target: str, steps: list[tuple[float, float | None, float]], gb_bytes: int
) -> None:
    scheme = {"aws": "s3", "azure": "azure", "gcp": "gs", "ibm": "cos"}
    ends = [end(f"{scheme[one.partition(':')[0]]}://{name}", one) for one, name in ((source, "a"), (target, "b"))]

    found = way(*ends)

    assert set(found) == {(source, target), (target, source)}  # what is acknowledged goes back
    assert ladder(found[source, target]) == steps
    assert found[source, target].gb_bytes == gb_bytes


def test_where_a_gb_is_not_defined_low_is_that_of_the_larger_one() -> None:
    found = way(end("s3://a", "aws:us-east-1"), end("s3://b", "aws:eu-west-1"))

    (tier,) = found["aws:us-east-1", "aws:eu-west-1"].tiers
    assert tier.usd_per_gb.value.low == round(0.02 * GB / GIB, 6)
    assert tier.usd_per_gb.value.high == 0.02
    assert "10^9 bytes or (low) 2^30" in tier.usd_per_gb.rule


def test_r2_bills_nothing_and_who_writes_there_pays_for_an_unknown_place() -> None:
    r2 = end("r2://account/b", "aws:us-east-1", region="auto")

    out, back = way(end("s3://a", "aws:us-east-1"), r2), way(r2, end("s3://a", "aws:us-east-1"))

    assert ladder(out["aws:us-east-1", "r2://account/b"])[0] == (0, 10240, 0.09)
    assert [one.usd_per_gb.value.high for one in back["r2://account/b", "aws:us-east-1"].tiers] == [0]
    google = way(end("gs://a", "gcp:us-central1"), end("r2://account/b", "gcp:us-central1", region="auto"))
    first = google["gcp:us-central1", "r2://account/b"].tiers[0].usd_per_gb
    assert (first.value.low, first.value.likely, first.value.high) == (0.12, 0.12, 0.23)
    assert first.rule.startswith("no price to its place is known")


def test_a_destination_that_the_list_does_not_name_is_bounded_by_the_others() -> None:
    found = way(end("gs://a", "gcp:us-central1"), end("s3://b", "aws:eu-west-1"))

    first = found["gcp:us-central1", "aws:eu-west-1"].tiers[0].usd_per_gb
    assert (first.value.low, first.value.likely, first.value.high) == (0.12, 0.12, 0.19)


def test_two_price_lists_are_laid_over_each_other() -> None:
    found = way(end("gs://a", "gcp:australia-southeast1"), end("s3://b", "aws:us-east-1"))

    tiers = found["gcp:australia-southeast1", "aws:us-east-1"].tiers
    assert [one.from_gb for one in tiers] == [0, 1024, 10240, 51200, 153600, 512000]
    # 2026-09: 0.1158 to 10 TiB; 2026-07: 0.19 to 1 TiB, 0.18 to 10
    assert [(one.usd_per_gb.value.low, one.usd_per_gb.value.high) for one in tiers[:2]] == [
        (0.1158, 0.19),
        (0.1158, 0.18),
    ]
    assert tiers[0].usd_per_gb.value.likely == 0.1158
    assert tiers[0].usd_per_gb.rule.startswith("two price lists")


def test_above_the_last_step_that_is_known_it_is_no_dearer() -> None:
    found = way(end("s3://a", "aws:me-central-1"), end("gs://b", "gcp:us-central1"))

    first, above = found["aws:me-central-1", "gcp:us-central1"].tiers
    assert (first.to_gb, above.from_gb, above.to_gb) == (10240, 10240, None)
    assert above.usd_per_gb.value.likely == above.usd_per_gb.value.high == 0.11
    assert above.usd_per_gb.value.low == round(0.4 * 0.11 * GB / GIB, 6)
    assert "no price above 10240 GB is known" in above.usd_per_gb.rule


def test_a_store_in_another_region_of_its_cloud_is_billed_on_the_way() -> None:
    store = end("s3://far", "aws:us-east-1", region="eu-west-1")

    read = way(store, end("s3://b", "aws:us-east-1"))
    written = way(end("s3://b", "aws:us-west-2"), end("s3://far", "aws:us-east-1", region="eu-west-1"))

    assert ladder(read["s3://far", "aws:us-east-1"]) == [(0, None, 0.02)]
    assert ladder(written["aws:us-east-1", "s3://far"]) == [(0, None, 0.02)]


def test_a_store_with_an_address_of_its_own_may_be_anywhere() -> None:
    store = end("s3://mine", "aws:us-east-1", endpoint_url="https://store.example.org")

    assert way(store, end("s3://b", "aws:us-east-1"))["s3://mine", "aws:us-east-1"].tiers == ()
    towards = way(end("s3://b", "aws:us-east-1"), store)["aws:us-east-1", "s3://mine"]
    assert ladder(towards)[0] == (0, 10240, 0.09)


def test_this_machine_sends_for_nothing_and_receives_over_the_internet() -> None:
    here, there = end("file:///in", "local:a"), end("s3://b", "aws:us-east-1")

    assert [one.usd_per_gb.source for one in way(here, there)["local:a", "aws:us-east-1"].tiers] == ["own machine"]
    assert ladder(way(there, here)["aws:us-east-1", "local:a"])[0] == (0, 10240, 0.09)


def test_a_users_price_for_a_region_wins_over_our_more_exact_rows(tmp_path: Path) -> None:
    table(tmp_path, "egress", "gcp,any,any,internet,0,,0.03,2026-10-01,our contract")

    found = way(end("gs://a", "gcp:us-central1"), end("s3://b", "aws:us-east-1"), tmp_path)

    assert ladder(found["gcp:us-central1", "aws:us-east-1"]) == [(0, None, 0.03)]
