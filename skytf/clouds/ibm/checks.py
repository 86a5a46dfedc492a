"""What `skytf doctor` asks IBM Cloud: whose credentials these are, what may be seen, whether regions answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from skytf.clouds import checks
from skytf.clouds.base import CREDENTIALS, Check, Quota
from skytf.clouds.ibm.account import LOGIN, VPC_QUERY, Account
from skytf.clouds.ibm.groups import resource_group
from skytf.clouds.rest import CloudDenied
from skytf.errors import SkytfError

_HOME_REGION = "us-south"  # where nobody named a region
_ROLES = "give the roles that terraform/ibm/README.md lists: ibmcloud iam user-policy-create USER --roles Editor …"
_GROUP = "name it with --fact ibm.resource_group=ID: ibmcloud resource groups"


def find(account: Account, regions: Sequence[str], quota: Callable[[str, str], Quota | None]) -> Iterator[Check]:
    """Yield what was found; where the credentials are not good, only that."""
    credentials = checks.asked(CREDENTIALS, lambda: _credentials(account), LOGIN)
    yield credentials
    if not credentials.ok:
        return
    yield checks.asked("network", lambda: _network(account, (*regions, _HOME_REGION)[0]))
    yield checks.asked("permissions", lambda: _permissions(account, (*regions, _HOME_REGION)[0]), _ROLES)
    yield checks.asked("resource group", lambda: _group(account), _GROUP)
    for region in regions:
        yield checks.asked(f"region {region}", lambda region=region: _region(account, region))  # type: ignore[misc]  # mypy infers no default of a lambda
        yield checks.quota("ibm", region, quota)


def _credentials(account: Account) -> str:
    with contextlib.suppress(CloudDenied):  # who may not look at groups has good credentials all the same
        resource_group(account)
    return f"{account.caller}, in account {account.id}"


def _network(account: Account, region: str) -> str:
    answer = account.rest.get(account.vpc(region, "regions"), **VPC_QUERY)
    return f"the VPC API answers; it has {len(answer.get('regions', ()))} regions"


def _permissions(account: Account, region: str) -> str:
    """Look at what a transfer makes: IBM has no way to ask what may be made."""
    for collection in ("instances", "vpcs", "security_groups", "floating_ips", "keys"):
        next(account.listed(region, collection), None)
    account.rest.get(account.url("iam", "v1/profiles"), account_id=account.id, pagesize="1")
    return "VPC infrastructure and trusted profiles may be listed; IBM does not tell what may be made"


def _group(account: Account) -> str:
    group = resource_group(account)
    if not group:
        raise SkytfError("there are several resource groups, and none of them is the default")
    return group


def _region(account: Account, region: str) -> str:
    status = account.rest.get(account.vpc(region, f"regions/{region}"), **VPC_QUERY).get("status", "")
    if status != "available":
        raise SkytfError(f"{region} is {status or 'not told of'}", hint="choose another region: ibmcloud is regions")
    return "available"
