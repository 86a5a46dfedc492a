from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skytf.errors import Refused
from skytf.model.figures import EgressFigures, Figures, LinkFigures, Quote, SiteFigures, StoreFigures, Tier
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.moved import check_figures, moved

HERE, THERE = Region("aws", "us-east-1"), Region("gcp", "us-central1")


def quote(value: float, date: str = "2026-11-01") -> Quote:
    return Quote(Span.exactly(value), date, "a price list")


def egress(price: float, date: str = "2026-11-01") -> EgressFigures:
    tiers = (Tier(0, 10_240, quote(price, date)), Tier(10_240, None, quote(0.085)))
    return EgressFigures(str(HERE), "internet", tiers)


SITE = SiteFigures(HERE, "m5.8xlarge", 32, quote(10), quote(5), quote(1.536), quote(0.08), quote(0.005))
LINK = LinkFigures(HERE, THERE, Quote(Span(2.0, 4.0, 5.0), source="measured"), quote(30))
STORE = StoreFigures("job-0-source", "STANDARD", {"get": quote(0.0004), "put": quote(0.005)}, Quote())
REVIEWED = Figures((SITE,), (LINK,), (egress(0.09),), (STORE,), quote(60), quote(30))


def test_a_price_that_moved_is_named_with_both_values() -> None:
    with pytest.raises(Refused) as caught:
        check_figures(REVIEWED, replace(REVIEWED, egress=(egress(0.05),)))

    assert "egress aws:us-east-1 -> internet, tier from 0 GB up to 10240 GB: 0.09 reviewed, 0.05 now" in str(
        caught.value
    )
    assert "0.085" not in str(caught.value)
    assert "--catalog DIR" in caught.value.hint
    assert caught.value.exit_code == 7


def test_the_same_figures_of_a_later_row_pass() -> None:
    check_figures(REVIEWED, replace(REVIEWED, egress=(egress(0.09, "2026-12-01"),)))


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (
            {"sites": (replace(SITE, usd_per_hour=quote(2)),)},
            "aws:us-east-1 m5.8xlarge, $ an hour: 1.536 reviewed, 2",
        ),
        (
            {"sites": (replace(SITE, disk_usd_per_gb_month=Quote()),)},
            "$ a GB of disk and month: 0.08 reviewed, unknown",
        ),
        ({"sites": (replace(SITE, address_usd_per_hour=quote(0)),)}, "$ an address and hour: 0.005 reviewed, 0 now"),
        ({"sites": (replace(SITE, network_gbps=quote(25)),)}, "network in Gbit/s: 10 reviewed, 25 now"),
        ({"sites": (replace(SITE, egress_cap_gbps=quote(6)),)}, "cap on egress in Gbit/s: 5 reviewed, 6 now"),
        ({"sites": (replace(SITE, vcpus=16),)}, "vCPUs: 32 reviewed, 16 now"),
        ({"sites": (replace(SITE, disk_gib=30),)}, "GiB of disk: 0 reviewed, 30 now"),
        ({"stores": (replace(STORE, storage_class="GLACIER"),)}, "storage class: STANDARD reviewed, GLACIER now"),
        ({"links": (replace(LINK, throughput_gbps=quote(3)),)}, "Gbit/s: 2 to 5, likely 4 reviewed, 3 now"),
        (
            {"links": (replace(LINK, rtt_ms=quote(31)),)},
            "aws:us-east-1 -> gcp:us-central1, round trip in ms: 30 reviewed",
        ),
        ({"stores": (replace(STORE, usd_per_1000={"get": quote(0.0004)}),)}, "1,000 put: 0.005 reviewed, none now"),
        ({"stores": (replace(STORE, retrieval_usd_per_gb=quote(0.01)),)}, "a GB retrieved: unknown reviewed, 0.01 now"),
        ({"egress": (replace(egress(0.09), gb_bytes=2**30),)}, "bytes in a GB: 1000000000 reviewed, 1073741824 now"),
        ({"egress": (egress(0.09), replace(egress(0.02), target="r2"))}, "none reviewed, 0.02 now"),
        ({"boot_s": quote(90)}, "boot in s: 60 reviewed, 90 now"),
        ({"teardown_s": Quote()}, "teardown in s: 30 reviewed, unknown now"),
    ],
)
def test_whatever_moved_is_named(now: dict[str, Any], text: str) -> None:
    found = moved(REVIEWED, replace(REVIEWED, **now))

    assert any(text in one for one in found), found


def test_nothing_of_the_figures_is_overlooked() -> None:
    """Every quote of every row is compared: whoever adds a field to the figures adds it here too."""

    def changed(value: Any) -> list[Any]:
        """Return *value* once for each quote in it, with that quote moved."""
        if isinstance(value, Quote):
            return [replace(value, value=Span.exactly(777.0), source="x")]
        if isinstance(value, tuple):
            return [(*value[:n], new, *value[n + 1 :]) for n, one in enumerate(value) for new in changed(one)]
        if isinstance(value, dict):
            return [{**value, name: new} for name, one in value.items() for new in changed(one)]
        fields = getattr(value, "__dataclass_fields__", {})
        return [replace(value, **{name: new}) for name in fields for new in changed(getattr(value, name))]

    others = changed(REVIEWED)

    assert len(others) == 14
    assert [other for other in others if len(moved(REVIEWED, other)) != 1] == []
