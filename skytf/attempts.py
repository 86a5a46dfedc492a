"""Where a site may be made: another zone or instance type where one is sold out, within the reviewed bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from skytf.clouds.sheet import sheet
from skytf.errors import TerraformError
from skytf.model.region import Region

# How often a site is tried whose zones only the cloud knows: no region has more than this many.
_ANY_ZONE = 6


@dataclass(frozen=True, slots=True)
class Bounds:
    """The zones (empty: any) and instance types that a reviewer has seen for one site, in the order of trying."""

    region: Region
    zones: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def attempts(self) -> int:
        """How often the site may be tried."""
        return len(self.zones) * max(len(self.types), 1) if self.zones else _ANY_ZONE

    def place(self, attempt: int) -> str:
        """Return where *attempt* goes, in words; the modules count in the same way."""
        if not self.zones:
            return f"another zone (attempt {attempt + 1} of {self.attempts})"
        zone = self.zones[attempt % len(self.zones)]
        if not self.types:
            return f"zone {zone}"
        return f"zone {zone} with {self.types[min(attempt // len(self.zones), len(self.types) - 1)]}"


def bounds_of(regions: Iterable[Region], tfvars: bytes) -> dict[str, Bounds]:
    """Return the bounds of every site by its module's name, as *tfvars* (the reviewed values) has them."""
    sites = json.loads(tfvars)["sites"]
    return {
        region.slug: Bounds(
            region,
            _zones(sites[region.slug]),
            tuple(sites[region.slug].get("instance_types") or sheet(region.cloud).default_instances),
        )
        for region in regions
    }


def _zones(site: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where a site may be: a network that stands is in one zone, whichever."""
    if network := site.get("existing_network"):
        return (f"of {network}",)
    return tuple(site.get("zones", ()))


@dataclass(slots=True)
class Attempts:
    """How often each site (by its module's name) was not to be had; what is not in ``made`` never failed."""

    bounds: Mapping[str, Bounds]
    made: dict[str, int] = field(default_factory=dict)

    def next(self, sites: Iterable[str], error: TerraformError) -> str:
        """
        Go on to the next place for *sites*, and return in words what was not to be had and what is tried now.

        Raises:
            TerraformError: A site has no other place; made of *error*, names what was tried and how to widen it. Or
                *error* itself, where its words do not say which site it is about.
        """
        told = []
        for site in sorted(set(sites)):
            if site not in self.bounds:
                raise error
            bounds = self.bounds[site]
            attempt = self.made.get(site, 0)
            if attempt + 1 >= bounds.attempts:
                raise _exhausted(bounds, error) from error
            self.made[site] = attempt + 1
            old = bounds.place(attempt) if bounds.zones else f"the zone of attempt {attempt + 1}"
            told.append(f"{bounds.region} has no capacity in {old}: tried next is {bounds.place(attempt + 1)}")
        return "; ".join(told)


def _exhausted(bounds: Bounds, error: TerraformError) -> TerraformError:
    zones = f"zones {', '.join(bounds.zones)}" if bounds.zones else f"{bounds.attempts} times, in any zone"
    types = f" with {', '.join(bounds.types)}" if bounds.types else ""
    site = bounds.region
    return TerraformError(
        f"{site} has no capacity: tried {zones}{types}",
        hint=f"plan again with other zones or types (--zone {site}=…, --instance-type {site}=…), or in another region",
        diagnostics=error.diagnostics,
    )
