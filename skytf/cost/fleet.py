"""What stands: instances, their disks and their addresses, by the hour."""

from __future__ import annotations

import math
from collections.abc import Mapping

from skytf.cost.item import Item, lacking, sources_of
from skytf.model.cost import ADDRESSES, DISKS, INSTANCES, CostLine
from skytf.model.figures import Figures, Quote, SiteFigures
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.usage import FleetTime, Usage
from skytf.volume.ways import is_own_machine

# What clouds call a month where they bill by the hour: 365 x 24 / 12.
HOURS_PER_MONTH = 730
_HOUR_S = 3_600.0


def fleet_items(usage: Usage, request: Request, figures: Figures) -> list[Item]:
    """
    Return the instances, disks and addresses of each site.

    How finely a cloud bills is not in the catalog: likely is to the second, high has every started hour as a full one.
    """
    sites = {one.region: one for one in figures.sites}
    return [item for time in usage.fleet if _is_billed(time) for item in _of_site(time, request, sites)]


def _is_billed(time: FleetTime) -> bool:
    return time.gateways > 0 and not is_own_machine(str(time.region))


def _of_site(time: FleetTime, request: Request, sites: Mapping[Region, SiteFigures]) -> list[Item]:
    site = sites.get(time.region) or _nothing_of(time.region)
    seconds = time.seconds
    each = Span(
        seconds.low / _HOUR_S,
        None if seconds.likely is None else seconds.likely / _HOUR_S,
        None if seconds.high is None else float(math.ceil(seconds.high / _HOUR_S)),
    )
    hours = each.scaled(time.gateways)
    machines = f"{time.gateways} x {site.instance_type or 'gateway'}"
    disk_gib = site.disk_gib or request.disk_gib
    gb_months = hours.scaled(disk_gib / HOURS_PER_MONTH)
    disks = f"{time.gateways} x {disk_gib} GiB"
    found = [
        _item(INSTANCES, site, machines, (hours, "hours"), site.usd_per_hour),
        _item(DISKS, site, disks, (gb_months, "GB-months"), site.disk_usd_per_gb_month),
    ]
    if not request.private_addresses:
        addresses = f"{time.gateways} public {'address' if time.gateways == 1 else 'addresses'}"
        found.append(_item(ADDRESSES, site, addresses, (hours, "hours"), site.address_usd_per_hour))
    return found


def _nothing_of(region: Region) -> SiteFigures:
    return SiteFigures(region, "", 0, Quote(), Quote(), Quote(), Quote(), Quote())


def _item(kind: str, site: SiteFigures, what: str, amount: tuple[Span, str], quote: Quote) -> Item:
    quantity, unit = amount
    usd = quantity * quote.value
    line = CostLine(kind, str(site.region), what, quantity, unit, quote.value, usd, sources_of([quote]))
    return Item(line, lacking(f"{kind} of {site.region}", usd, quote, "how long they stand is not known"))
