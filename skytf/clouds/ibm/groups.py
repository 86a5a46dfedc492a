"""What IBM Cloud keeps resources in: the resource group of an account, the instance that a bucket belongs to."""

from __future__ import annotations

import os

from skytf.clouds.ibm.account import Account
from skytf.clouds.rest import Json

_VARIABLES = ("IC_RESOURCE_GROUP", "IBMCLOUD_RESOURCE_GROUP")


def resource_group(account: Account) -> str:
    """
    Return the id of the resource group that a variable names (by id or name), else of the default or only one.

    Empty where it cannot be told; raises as `Rest.get` does.
    """
    answer = account.rest.get(account.url("groups", "v2/resource_groups"), account_id=account.id)
    groups: list[Json] = answer.get("resources", [])
    named = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    if named:
        chosen = [one for one in groups if named in (one["id"], one["name"])]
    else:
        chosen = [one for one in groups if one.get("default")] or groups
    return str(chosen[0]["id"]) if len(chosen) == 1 else ""


def instance_of(account: Account, bucket: str) -> str:
    """Return the GUID of the Object Storage instance that has *bucket*, empty where there is no such bucket."""
    answer = account.rest.ask("GET", account.url("buckets", f"b/{bucket}"))
    return str(answer.body.get("service_instance_id", ""))
