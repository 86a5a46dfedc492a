"""How many more VMs of a size a subscription may start in a region: Azure counts vCPUs, by family and altogether."""

from __future__ import annotations

import re

from skytf.clouds.azure.account import Account
from skytf.clouds.base import Quota
from skytf.clouds.rest import Json
from skytf.clouds.sheet import sheet

_VERSION = "2024-07-01"
_ALL = "cores"
_SPOT = "lowPriorityCores"
# Standard_D8ds_v5 is one of the family standardDDSv5Family.
_SIZE = re.compile(r"Standard_(?P<series>[A-Z]+)\d+(?:-\d+)?(?P<features>[a-z]*)(?P<version>_v\d+)?")


def quota(account: Account, region: str, instance_type: str, *, spot: bool) -> Quota:
    """
    Return the quota that ends first: vCPUs of the family, or of the region; of spot VMs there is but one for all.

    ``instances`` is None where Azure does not tell of the family.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        InputError: skytf does not know the size.
        SkytfError: Azure could not be asked.
    """
    vcpus = sheet("azure").instance(instance_type).vcpus
    subscription = account.subscription()
    path = f"providers/Microsoft.Compute/locations/{region}"
    told = account.listed(f"{path}/usages", subscription, **{"api-version": _VERSION})
    usages = {one["name"]["value"].lower(): one for one in told}
    wanted = (_SPOT,) if spot else (family(instance_type), _ALL)
    unknown: Json = {"name": {"value": wanted[0]}, "limit": 0, "currentValue": 0}
    known = [usages[name.lower()] for name in wanted if name.lower() in usages]
    tightest = min(known, key=_left, default=unknown)
    name = str(tightest["name"]["value"])
    left = _left(tightest) // vcpus
    told_of_family = wanted[0].lower() in usages
    return Quota(
        region=region,
        instance_type=instance_type,
        instances=left if told_of_family or (known and left == 0) else None,
        name=str(tightest["name"].get("localizedValue", name)),
        limit=float(tightest["limit"]),
        used=float(tightest["currentValue"]),
        raise_with=f"az quota update --resource-name {name} --scope /subscriptions/{subscription}/{path}"
        " --limit-object value=<vCPUs> --resource-type dedicated (after: az extension add --name quota)",
    )


def family(size: str) -> str:
    """Return what Azure calls the family of *size* in its quotas (in which case varies), empty for an odd name."""
    found = _SIZE.fullmatch(size)
    if not found:
        return ""
    version = (found["version"] or "").replace("_", "")
    return f"standard{found['series']}{found['features'].upper()}{version}Family"


def _left(usage: Json) -> int:
    return max(0, int(usage["limit"]) - int(usage["currentValue"]))
