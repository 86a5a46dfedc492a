"""What an IBM Cloud account holds of a transfer: what is named so in each region, and trusted profiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

from skytf.clouds.ibm.account import Account
from skytf.clouds.rest import CloudDenied, Json, NotThere
from skytf.clouds.sheet import sheet
from skytf.clouds.tags import OWNER, TRANSFER, Tagged, described

PROFILE = "trusted profile"
# What the VPC API calls them, and people.
KINDS = {
    "instances": "instance",
    "volumes": "volume",
    "floating_ips": "floating IP",
    "subnets": "subnet",
    "public_gateways": "public gateway",
    "security_groups": "security group",
    "keys": "SSH key",
    "vpcs": "VPC",
}
_VMS = "instances"

_REGIONS_AT_ONCE = 16
_PAGE = "100"
_TAGS_LIMIT = "1000"
# The module gives all of a transfer names that begin so; tags are put on later, and may not be there yet.
_NAME = re.compile(r"skytf-(?P<transfer>\d{8}-\d{6}-[0-9a-f]+)-.+")


@dataclass(frozen=True, slots=True)
class Found(Tagged):
    """One resource; ``link`` is its address, ``iam_id`` whom the policies of a trusted profile are for."""

    link: str
    iam_id: str = ""


def find(account: Account) -> tuple[Found, ...]:
    """
    Return what is named as of some transfer, with its tags, in all regions that skytf knows.

    Listed by name, because IBM's search knows a new thing late and a removed one long. What Terraform was not allowed
    time to tag belongs to the owner of the rest. A region whose instances may not be listed is passed over, and so is
    everything else that may not: with the same credentials nothing was made there.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: IBM Cloud could not be asked.
    """
    account.token()  # so that this one question fails, and not one of each region
    regions = _regions()
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="ibm-find") as pool:
        profiles = pool.submit(_unless_denied, _profiles, account, "")
        found = list(pool.map(lambda region: _unless_denied(_in_region, account, region), regions))
        if all(one is None for one in found):
            list(_in_region(account, regions[0]))  # refused everywhere: that is an error, and this raises it
        # Where one address answers for all regions, everything is found in each.
        everything = {
            one.link: one for one in chain(profiles.result() or (), *(one or () for one in found)) if one.tags
        }
    return _with_owners(tuple(everything.values()))


def _regions() -> tuple[str, ...]:
    return tuple(sheet("ibm").regions)


def _in_region(account: Account, region: str) -> Iterator[Found]:
    for collection, kind in KINDS.items():
        try:
            listed = list(account.listed(region, collection))
        except CloudDenied:
            if collection == _VMS:
                raise
            continue
        for one in listed:
            if named := _NAME.fullmatch(one["name"]):
                tags = {TRANSFER: named["transfer"], **_tags(account, one)}
                yield Found(kind, one["name"], region, tags, account.vpc(region, f"{collection}/{one['id']}"))


def _tags(account: Account, one: Json) -> dict[str, str]:
    """Return the tags of a resource, which IBM keeps as texts ``name:value`` in a service of their own."""
    url = account.url("tags", "v3/tags")
    try:
        answer = account.rest.get(url, attached_to=one["crn"], tag_type="user", limit=_TAGS_LIMIT)
    except (CloudDenied, NotThere):
        return {}  # its name says whose it is
    pairs = (item["name"].partition(":") for item in answer.get("items", ()))
    return {name: text.strip() for name, _, text in pairs}


def _profiles(account: Account, _region: str) -> Iterator[Found]:
    url = account.url("iam", "v1/profiles")
    for page in account.rest.pages(url, lambda page: page.get("next"), account_id=account.id, pagesize=_PAGE):
        for one in page.get("profiles", ()):
            tags = described(one.get("description", ""))
            if one["name"].startswith("skytf-") and TRANSFER in tags:
                link = account.url("iam", f"v1/profiles/{one['id']}")
                yield Found(PROFILE, one["name"], "", tags, link, one.get("iam_id", ""))


def _with_owners(found: tuple[Found, ...]) -> tuple[Found, ...]:
    owners = {one.tags[TRANSFER]: one.tags[OWNER] for one in found if OWNER in one.tags}
    return tuple(
        one
        if OWNER in one.tags or one.tags[TRANSFER] not in owners
        else replace(one, tags={**one.tags, OWNER: owners[one.tags[TRANSFER]]})
        for one in found
    )


def _unless_denied(
    ask: Callable[[Account, str], Iterable[Found]], account: Account, region: str
) -> tuple[Found, ...] | None:
    try:
        return tuple(ask(account, region))
    except CloudDenied:
        return None
