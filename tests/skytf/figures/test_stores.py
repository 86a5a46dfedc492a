from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skytf.catalog.tables import load
from skytf.figures.stores import stores
from skytf.model.figures import Quote, StoreFigures
from skytf.model.job import Endpoint
from skytf.model.span import Span
from tests.skytf.catalog.tables import table
from tests.skytf.figures.ends import end, request


def of_source(source: Endpoint, *directories: Path) -> StoreFigures:
    found = stores(request(source, end("file:///out", "local:b")), load([str(one) for one in directories]))
    assert [one.end for one in found] == ["job-0-destination-0", "job-0-source"]
    return found[1]


def of_destination(target: Endpoint) -> StoreFigures:
    found = stores(request(end("file:///in", "local:a"), target), load([]))
    return found[0]


def test_requests_cost_what_the_row_of_the_region_says() -> None:
    found = of_destination(end("s3://a", "aws:us-east-1"))

    assert found.storage_class == "standard"
    assert {name: one.value for name, one in found.usd_per_1000.items()} == {
        "get": Span.exactly(0.0004),
        "put": Span.exactly(0.005),
        "multipart-part": Span.exactly(0.005),
        "list": Span.exactly(0.005),
    }
    assert all(one.rule == "" for one in found.usd_per_1000.values())
    assert found.retrieval_usd_per_gb == replace(found.usd_per_1000["get"], value=Span.exactly(0.0))


def test_what_is_read_may_be_of_the_dearest_class_because_nobody_looks() -> None:
    found = of_source(end("s3://a", "aws:us-east-1"))

    rule = "of which class the objects are nobody looked: likely standard, at most the dearest"
    get, retrieval = found.usd_per_1000["get"], found.retrieval_usd_per_gb
    assert (get.value, get.rule) == (Span(0.0004, 0.0004, 0.001), rule)
    assert (retrieval.value, retrieval.rule) == (Span(0.0, 0.0, 0.02), rule)
    assert found.usd_per_1000["list"].value == Span.exactly(0.005)
    assert of_source(end("gs://a", "gcp:us-central1")).retrieval_usd_per_gb.value.high == 0.05


def test_a_user_who_names_the_class_is_believed(tmp_path: Path) -> None:
    table(tmp_path, "stores", "s3,aws,standard-ia,standard-ia,2026-10-01,our lifecycle rules")

    found = of_source(end("s3://a", "aws:us-east-1"), tmp_path)

    assert found.retrieval_usd_per_gb.value == Span.exactly(0.01)
    assert found.usd_per_1000["get"].value == Span.exactly(0.001)


def test_another_region_has_them_by_a_rule() -> None:
    put = of_source(end("s3://a", "aws:eu-west-1")).usd_per_1000["put"]

    assert put.value == Span(0.005 / 2.1, 0.005, 0.0105).rounded(6)
    assert put.rule.startswith("no price of eu-west-1 is known: that of us-east-1")


def test_a_class_that_is_priced_as_another_is_widened() -> None:
    get = of_destination(end("gs://a", "gcp:us-central1")).usd_per_1000["get"]

    assert get.value == Span(0.0004 / 2.1, 0.0004, 0.00084).rounded(6)
    assert get.rule.startswith("that of standard-multi-region")


def test_r2_has_one_price_for_all_regions() -> None:
    put = of_source(end("r2://account/a", "aws:us-east-1", region="auto")).usd_per_1000["put"]

    assert put == Quote(Span.exactly(0.0045), "unknown", "cloudflare-docs r2/pricing")


def test_what_nobody_knows_is_unknown() -> None:
    ibm = of_source(end("cos://a", "ibm:us-south"))
    elsewhere = of_source(end("s3://a", "aws:us-east-1", endpoint_url="https://store.example.org"))

    for found in (ibm, elsewhere):
        assert set(found.usd_per_1000.values()) == {Quote()}
        assert found.retrieval_usd_per_gb == Quote()


def test_paths_cost_nothing() -> None:
    assert set(of_source(end("file:///in", "local:a")).usd_per_1000.values()) == {
        Quote(Span.exactly(0.0), "", "own machine")
    }


def test_a_users_row_counts(tmp_path: Path) -> None:
    table(tmp_path, "requests", "ibm,any,cos-any,put,0.004,2026-10-01,our bill")

    assert of_source(end("cos://a", "ibm:us-south"), tmp_path).usd_per_1000["put"].value == Span.exactly(0.004)
