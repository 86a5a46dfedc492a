"""May the accounts start the gateways of a plan, and do they allow now what they did when it was reviewed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from skytf.clouds import open_cloud
from skytf.clouds.base import Quota
from skytf.clouds.sheet import sheet
from skytf.errors import NoTopology, Refused, SkytfError
from skytf.model.job import Request
from skytf.model.quota import QuotaRead
from skytf.model.region import Region
from skytf.model.topology import Topology
from skytf.sites import settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What one cloud answered for one site: a quota, None where it has no limit, or ``why`` nobody knows."""

    region: Region
    instance_type: str
    wanted: int
    quota: Quota | None
    why: str = ""

    @property
    def read(self) -> QuotaRead | None:
        """What a bundle keeps of it."""
        if self.quota is None:
            return None
        return QuotaRead(self.region, self.instance_type, self.wanted, self.quota.name, self.quota.limit)

    @property
    def lacks(self) -> str:
        """Why the gateways cannot all be started, empty where they can or nobody knows."""
        one = self.quota
        if one is None or one.instances is None or one.instances >= self.wanted:
            return ""
        return (
            f"{self.region} lets {one.instances} more {self.instance_type} start and {self.wanted} are wanted"
            f" ({one.name}: {one.limit:g}, of which {one.used:g} are in use)"
        )


def ask(request: Request, topology: Topology, home: Path, check: Callable[[], None]) -> Iterator[Asked]:
    """Ask for every site in a cloud what its account may start there; *check* raises where somebody wants to stop."""
    for region in topology.regions():
        if sheet(region.cloud).provider is None:
            continue
        check()
        chosen = settings(request, region)
        named = {name: value for cloud, name, value in request.facts if cloud == region.cloud}
        one = Asked(region, chosen.instance_types[0], len(topology.at(region)), None)
        try:
            quota, why = _answer(region, one.instance_type, home, named, spot=chosen.spot)
        except SkytfError as error:
            quota, why = None, f"{error}{f' ({error.hint})' if error.hint else ''}"
        yield replace(one, quota=quota, why=why)


def read_quota(
    request: Request, topology: Topology, home: Path, check: Callable[[], None], warn: Callable[[str], None]
) -> tuple[QuotaRead, ...]:
    """
    Return what the accounts allow, for the bundle; *warn* hears of each site that could not be checked.

    Raises:
        NoTopology: Fewer gateways may be started than *topology* has; the hint asks for more.
    """
    found = []
    for one in ask(request, topology, home, check):
        if one.why:
            warn(f"the quota of {one.region} was not checked: {one.why}")
        if one.lacks and one.quota is not None:
            raise NoTopology(one.lacks, hint=f"fewer --instances, another --instance-type, or {one.quota.raise_with}")
        if one.read is not None:
            found.append(one.read)
    return tuple(found)


def check_quota(
    reviewed: tuple[QuotaRead, ...], request: Request, topology: Topology, home: Path, check: Callable[[], None]
) -> list[str]:
    """
    Check that the accounts allow what they did when *reviewed* was read, and that there is room now.

    Returns a warning for each site that cannot be asked now and could be then. That is no refusal: whoever applies may
    have fewer rights than who planned, and too small a quota lets Terraform fail, never make more than was reviewed.

    Raises:
        Refused: A limit is another, or too little of it is free; the message names the site.
    """
    then = {one.region: one for one in reviewed}
    warnings = []
    for now in ask(request, topology, home, check):
        before = then.get(now.region)
        if now.why and before is not None:
            warnings.append(f"the quota of {now.region} was read when it was planned, and cannot be now: {now.why}")
        if now.quota is None:
            continue
        # Where several limits hold, the tightest is told: which one that is changes with what is in use.
        if before is not None and before.name == now.quota.name and before.limit != now.quota.limit:
            raise Refused(
                f"the quota of {now.region} is not what was reviewed: {now.quota.name} was {before.limit:g}"
                f" and is {now.quota.limit:g}",
                hint="plan again, so that what starts is what was reviewed",
            )
        if now.lacks:
            raise Refused(
                f"the fleet that was reviewed cannot be started now: {now.lacks}",
                hint=f"wait until there is room, or {now.quota.raise_with}; then apply it again",
            )
    return warnings


def _answer(
    region: Region, instance_type: str, home: Path, named: Mapping[str, str], *, spot: bool
) -> tuple[Quota | None, str]:
    """Return what the cloud of *region* says, and why that counts for nothing where it does."""
    title = sheet(region.cloud).title
    cloud = open_cloud(region.cloud, home)
    if cloud is None:
        return None, f"there is no adapter that could ask {title}"
    quota = cloud.quota(region.name, instance_type, spot=spot)
    if quota is None:
        return None, ""
    if quota.instances is None:
        return None, f"{title} does not tell that of {instance_type}"
    # The fleet may be planned for another project or subscription than the one that the credentials belong to.
    others = {name: value for name, value in cloud.facts(named).items() if value != named[name]}
    if others:
        name, value = next(iter(others.items()))
        return None, f"{name} is {named[name]}, and the credentials ask about {value}"
    return quota, ""
