"""Numbers of the catalog: m5.8xlarge lets 5 Gbit/s out of its region, c5n.18xlarge 50; n2-standard-16 takes 32 in."""

from __future__ import annotations

import pytest

from skytf.catalog.tables import load
from skytf.figures.links import Lines, link
from skytf.model.figures import Quote
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.span import Span

OUT = "aws:us-east-1", "gcp:us-central1"


def between(source: str, target: str, *instances: tuple[str, str]) -> Quote:
    options = tuple(SiteOption(where, "instance_types", (name,)) for where, name in instances)
    regions = Region.parse(source), Region.parse(target)
    return link(Request((), site_options=options), *regions, Lines(load())).throughput_gbps


def test_a_larger_sender_may_be_as_fast_as_both_ends_allow() -> None:
    found = between(*OUT, ("aws", "c5n.18xlarge"))

    assert found.value == Span(4.652, 5.072, 32.0)
    assert (
        found.rule == "an instance has more bandwidth than the one that it was measured with: at most what both allow"
    )


def test_a_larger_receiver_takes_what_the_senders_cap_lets_out() -> None:
    """Standard_D8s_v5 is smaller than the one that was measured, and has 12.5 Gbit/s."""
    found = between("azure:eastus", "aws:us-west-2", ("aws", "c5n.18xlarge"))

    assert found.value == Span(6.773, 7.53, 12.5)


@pytest.mark.parametrize("name", ["m5.8xlarge", "m5.2xlarge"])
def test_instances_that_are_no_larger_are_as_measured(name: str) -> None:
    assert between(*OUT, ("aws", name)).value == Span(4.652, 5.072, 5.093)
