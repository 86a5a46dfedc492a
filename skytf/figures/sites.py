"""What a site's gateways can do, and what they cost."""

from __future__ import annotations

from skytf.catalog.reading import Row
from skytf.catalog.schema import ANY, EXTERNAL
from skytf.catalog.tables import Catalog
from skytf.clouds.sheet import sheet
from skytf.figures.quotes import exactly, free, own, quote
from skytf.model.figures import Quote, SiteFigures
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.sites import settings

# How far the medians of Google's monthly spot prices moved within ten weeks of 2026 (docs/catalog.md).
_SPOT_MOVES = 1.4
# Where only another region's price is known: one instance type is dearest at 1.6 (aws, gcp) to 2.07 times (azure) its
# price in the cheapest region of the catalog.
ELSEWHERE = 2.1
BOUNDS = f"bounds {ELSEWHERE:g} times less and more"


def site(request: Request, region: Region, catalog: Catalog) -> SiteFigures:
    """Return the figures of the site *region*, for the instance type that its gateways get first."""
    where = catalog.row("regions", cloud=region.cloud, region=region.name)
    place, latitude, longitude = "", None, None
    if where is not None:
        place, latitude, longitude = where.cells["place"], where.number("latitude"), where.number("longitude")
    if own(region):
        return SiteFigures(region, "", 0, Quote(), Quote(), free(), free(), free(), place, latitude, longitude)
    chosen = settings(request, region)
    instance_type = chosen.instance_types[0]
    row = catalog.row("instances", cloud=region.cloud, instance_type=instance_type)
    return SiteFigures(
        region=region,
        instance_type=instance_type,
        vcpus=sheet(region.cloud).instance(instance_type).vcpus,
        network_gbps=Quote() if row is None else exactly(row, "network_gbps"),
        egress_cap_gbps=Quote() if row is None else egress_cap(row, private=chosen.private_addresses),
        usd_per_hour=_hourly(catalog, region, instance_type, spot=chosen.spot),
        disk_usd_per_gb_month=_disk(catalog, region, instance_type),
        address_usd_per_hour=_address(catalog, region, private=chosen.private_addresses),
        place=place,
        latitude=latitude,
        longitude=longitude,
        disk_gib=max(chosen.disk_gib, sheet(region.cloud).least_disk_gib),
    )


def of_region(catalog: Catalog, region: str, table: str, column: str, **wanted: str) -> Quote:
    """
    Return a price of *region*: of its own row, else of the row for any, a user's first; else by a rule that widens.

    The rule takes the first other region that has one, and widens it by `ELSEWHERE`.
    """
    rows = [row for row in catalog.rows(table, **wanted) if row.number(column) is not None]
    if fitting := [row for row in rows if row.cells["region"] in {region, ANY}]:
        # The user's before ours, and there the region's own before that for any.
        return exactly(max(fitting, key=lambda row: (row.layer, row.cells["region"] == region)), column)
    if not rows:
        return Quote()
    row = rows[0]
    rule = f"no price of {region or 'its region'} is known: that of {row.cells['region']}, {BOUNDS}"
    return quote(row, widened(row.number(column) or 0.0), rule)


def widened(value: float) -> Span:
    """Return *value* with the bounds of a price that is another region's."""
    return Span(value / ELSEWHERE, value, value * ELSEWHERE)


def egress_cap(row: Row, *, private: bool) -> Quote:
    """Return the cap of what leaves the region; without one of its own the network's holds."""
    if row.number("egress_cap_gbps") is None:
        network = exactly(row, "network_gbps")
        return (
            quote(row, network.value, "no cap of its own is known: that of the network") if network.known else network
        )
    if private and row.cells["egress_cap_on"] == EXTERNAL:
        value = row.number("network_gbps")
        rule = "between private addresses only the network's cap holds"
        return Quote() if value is None else quote(row, Span.exactly(value), rule)
    return exactly(row, "egress_cap_gbps")


def _hourly(catalog: Catalog, region: Region, instance_type: str, *, spot: bool) -> Quote:
    row = catalog.row("instance_prices", cloud=region.cloud, region=region.name, instance_type=instance_type)
    if row is None:
        return Quote()
    if not spot:
        return exactly(row, "usd_per_hour")
    on_demand, price = row.number("usd_per_hour") or 0.0, row.number("usd_per_hour_spot")
    if price is None:
        return quote(row, Span(0.0, None, on_demand), "no spot price is known: at most the price on demand")
    rule = f"spot prices move: bounds {_SPOT_MOVES:g} times less and more, at most the price on demand"
    return quote(row, Span(price / _SPOT_MOVES, price, max(price, min(price * _SPOT_MOVES, on_demand))), rule)


def _disk(catalog: Catalog, region: Region, instance_type: str) -> Quote:
    disk_type = sheet(region.cloud).disk_type(instance_type)
    return of_region(catalog, region.name, "disks", "usd_per_gb_month", cloud=region.cloud, disk_type=disk_type)


def _address(catalog: Catalog, region: Region, *, private: bool) -> Quote:
    if private:
        return Quote(Span.exactly(0.0), "", "", "gateways have no public addresses")
    return of_region(catalog, region.name, "addresses", "usd_per_hour", cloud=region.cloud)
