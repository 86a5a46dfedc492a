"""How many more VMs of a type a project may start in a region: Compute Engine counts vCPUs, by family of machines."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.clouds.base import Quota
from skytf.clouds.gcp.account import Project
from skytf.clouds.rest import Json
from skytf.clouds.sheet import sheet

_EVERYWHERE = "CPUS_ALL_REGIONS"
_ADDRESSES = "IN_USE_ADDRESSES"
_SPOT = "PREEMPTIBLE_CPUS"
# Families without a quota of their own share this one; of other, newer ones the regions tell none.
_SHARED = "CPUS"
_SHARING = frozenset({"e2", "f1", "g1", "n1"})


@dataclass(frozen=True, slots=True)
class _Bound:
    """One quota that a VM counts for, with as many units as ``each``."""

    name: str
    limit: float
    used: float
    each: int

    @property
    def instances(self) -> int:
        return max(0, int((self.limit - self.used) // self.each))


def quota(project: Project, region: str, instance_type: str, *, spot: bool) -> Quota:
    """
    Return the quota that ends first: vCPUs of the family, vCPUs of all regions, addresses in use.

    ``instances`` is None for a family whose quota the regions do not tell (C4, N4 …: only Cloud Quotas does).

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        InputError: skytf does not know the type.
        SkytfError: Google Cloud could not be asked.
    """
    vcpus = sheet("gcp").instance(instance_type).vcpus
    here = _quotas(project.rest.get(project.compute(f"regions/{region}")))
    family = _metric(instance_type, here, spot=spot)
    bounds = [
        *_bound(here, family, vcpus),
        *_bound(here, _ADDRESSES, 1),
        *_bound(_quotas(project.rest.get(project.compute())), _EVERYWHERE, vcpus),
    ]
    tightest = min(bounds, key=lambda one: one.instances, default=_Bound(family, 0.0, 0.0, vcpus))
    known = family in here or (tightest in bounds and tightest.instances == 0)
    return Quota(
        region=region,
        instance_type=instance_type,
        instances=tightest.instances if known else None,
        name=tightest.name,
        limit=tightest.limit,
        used=tightest.used,
        raise_with=f"https://console.cloud.google.com/iam-admin/quotas?project={project.name}"
        f" (metric {tightest.name}, region {'global' if tightest.name == _EVERYWHERE else region})",
    )


def _metric(instance_type: str, quotas: dict[str, Json], *, spot: bool) -> str:
    # Where a project has no quota for VMs that may be taken away, they count for the ordinary one.
    if spot and quotas.get(_SPOT, {}).get("limit"):
        return _SPOT
    family = instance_type.partition("-")[0]
    return _SHARED if family in _SHARING else f"{family.upper()}_CPUS"


def _bound(quotas: dict[str, Json], name: str, each: int) -> list[_Bound]:
    one = quotas.get(name)
    return [_Bound(name, float(one["limit"]), float(one["usage"]), each)] if one else []


def _quotas(described: Json) -> dict[str, Json]:
    return {one["metric"]: one for one in described.get("quotas", ())}
