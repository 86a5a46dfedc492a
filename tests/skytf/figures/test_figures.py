from __future__ import annotations

from pathlib import Path

from skytf.catalog.tables import load
from skytf.figures import figures
from skytf.model import codec
from skytf.model.figures import Figures, Quote
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.planner import plan
from tests.skytf.catalog.tables import table
from tests.skytf.figures.ends import end, of, request

EAST, WEST = end("s3://a", "aws:us-east-1"), end("gs://b", "gcp:us-central1")


def test_every_site_link_and_end_of_a_topology_has_an_entry_and_all_are_sorted() -> None:
    asked = request(WEST, EAST, end("azure://c", "azure:westeurope"), via=Region("aws", "eu-west-1"))

    found = of(asked)

    assert [str(one.region) for one in found.sites] == sorted(str(one) for one in plan(asked).regions())
    assert [one.end for one in found.stores] == ["job-0-destination-0", "job-0-destination-1", "job-0-source"]
    pairs = [(str(one.source), str(one.target)) for one in found.links]
    assert pairs == sorted(set(pairs))
    both_ways = {*pairs, *((target, source) for source, target in pairs)}
    assert [(one.source, one.target) for one in found.egress] == sorted(both_ways)


def test_they_are_the_same_bytes_each_time_and_survive_the_bundle() -> None:
    asked = request(EAST, WEST)

    text = codec.encode(of(asked))

    assert codec.encode(of(asked)) == text
    assert codec.decode(text, Figures) == of(asked)


def test_a_users_row_is_quoted_with_its_source(tmp_path: Path) -> None:
    table(tmp_path, "instance_prices", "aws,us-east-1,m5.8xlarge,0.9,,2026-10-01,our contract")
    asked = request(EAST, WEST)

    found = figures(asked, plan(asked), load([str(tmp_path)]))

    price = found.site(Region("aws", "us-east-1")).usd_per_hour
    assert price == Quote(Span.exactly(0.9), "2026-10-01", "our contract")


def test_a_fleet_on_this_machine_costs_nothing_and_its_lines_are_not_known() -> None:
    found = of(request(end("file:///in", "local:a"), end("file:///out", "local:b")))

    for site in found.sites:
        for price in (site.usd_per_hour, site.disk_usd_per_gb_month, site.address_usd_per_hour):
            assert price == Quote(Span.exactly(0.0), "", "own machine")
    assert [tier.usd_per_gb.source for one in found.egress for tier in one.tiers] == ["own machine"] * 2
    assert found.links[0].throughput_gbps == found.links[0].rtt_ms == found.boot_s == found.teardown_s == Quote()
    assert {quote.source for one in found.stores for quote in one.usd_per_1000.values()} == {"own machine"}
