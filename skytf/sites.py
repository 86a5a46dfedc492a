"""What the module of a site is given: the cloud's defaults, and over them what the user chose. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.mapping import as_folder
from skytf.clouds.sheet import Fact, Sheet, sheet, zones
from skytf.errors import InputError
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption, SiteSettings

# Field of `SiteSettings` → the option that sets it; those that take more than one value.
OPTIONS = {
    "disk_kms_key": "--disk-kms-key",
    "existing_network": "--network",
    "identity": "--identity",
    "image": "--image",
    "instance_types": "--instance-type",
    "permissions_boundary": "--permissions-boundary",
    "store_kms_keys": "--store-kms-key",
    "zones": "--zone",
}
_ANY_SSH_PORT = 0  # on the operator's machine other things listen too: it chooses
# What Google Cloud, the strictest, accepts as a label.
_TAG_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_TAG_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_OURS = "skytf-"
SEVERAL = frozenset({"instance_types", "store_kms_keys", "zones"})


@dataclass(frozen=True, slots=True)
class Access:
    """What the gateways of a site may do to a store of their cloud; ``prefix`` is how the keys begin."""

    scheme: str
    bucket: str
    prefix: str
    read: bool
    write: bool


@dataclass(frozen=True, slots=True)
class MissingFact:
    """A fact that nobody has looked up: a placeholder stands in for it."""

    cloud: str
    name: str
    find: str


def regions_of(request: Request) -> tuple[Region, ...]:
    """Return where gateways of *request* stand, sorted."""
    ends = {end.region for job in request.jobs for end in (job.source, *job.destinations)}
    return tuple(sorted(ends | ({request.via} if request.via else set())))


def settings(request: Request, region: Region) -> SiteSettings:
    """
    Return what the module of *region* is given.

    Raises:
        InputError: The cloud has no such region, type, zone or option, or two of them do not go together.
    """
    facts_of_cloud = sheet(region.cloud)
    facts_of_cloud.check_region(region.name)
    if facts_of_cloud.provider is None:
        return SiteSettings(ssh_port=_ANY_SSH_PORT)  # there is nothing to choose on the operator's own machine
    chosen = _chosen(request.site_options, region)
    types = chosen.get("instance_types") or facts_of_cloud.default_instances
    _check_zones(region, chosen.get("zones", ()))
    if request.private_addresses and not chosen.get("existing_network"):
        raise InputError(
            f"gateways in {region} without public addresses need a network that has routes",
            hint=f"name its subnet: --network {region}=SUBNET, or leave out --private",
        )
    values: dict[str, Any] = {
        name: texts if name in SEVERAL else texts[0] for name, texts in chosen.items() if name != "instance_types"
    }
    return SiteSettings(
        **values,
        instance_types=types,
        arch=_arch(facts_of_cloud, region, types),
        facts=facts(request, region),
        private_addresses=request.private_addresses,
        spot=request.spot,
        disk_gib=request.disk_gib,
        ssh_port=request.ssh_port,
    )


def access(request: Request, region: Region) -> dict[str, Access]:
    """Return end of a job → what the gateways of *region* must be able to do there by the identity they are given."""
    found = {}
    for job in request.jobs:
        if _by_identity(job.source, region):
            found[f"{job.job_id}-source"] = _access(job.source, recursive=job.recursive, write=False)
        for index, end in enumerate(job.destinations):
            if _by_identity(end, region):
                found[f"{job.job_id}-destination-{index}"] = _access(end, recursive=job.recursive, write=True)
    return found


def facts(request: Request, region: Region) -> dict[str, str]:
    """Return the facts that the module of *region* wants: as the request has them, else placeholders; sorted."""
    known = {name: value for cloud, name, value in request.facts if cloud == region.cloud}
    return {name: known.get(name, fact.placeholder_of(name)) for name, fact in sorted(_wanted(request, region).items())}


def missing_facts(request: Request, regions: Iterable[Region]) -> tuple[MissingFact, ...]:
    """Return the facts that the modules of *regions* want and *request* does not have, each once, sorted."""
    known = {(cloud, name) for cloud, name, _ in request.facts}
    wanted = {(region.cloud, name): fact for region in regions for name, fact in _wanted(request, region).items()}
    return tuple(
        MissingFact(cloud, name, fact.find)
        for (cloud, name), fact in sorted(wanted.items(), key=lambda item: item[0])
        if (cloud, name) not in known
    )


def check_options(request: Request, regions: Iterable[Region]) -> None:
    """
    Look whether every choice has a site to go to, every fact a cloud that knows it, and every tag a cloud to hold it.

    Raises:
        InputError: One of them names a cloud or region that there is not, or in which no gateway stands.
    """
    sites = {str(region) for region in regions}
    seen = set()
    for option in request.site_options:
        if (option.name, option.where) in seen:
            raise InputError(f"{_flag(option)} is given twice", hint="several values are separated by commas")
        seen.add((option.name, option.where))
        _check_option(option, sites)
    for cloud, name, _ in request.facts:
        sheet(cloud).fact(name)
    _check_once("--fact", (f"{cloud}.{name}" for cloud, name, _ in request.facts))
    _check_once("--tag", (key for key, _ in request.tags))
    for key, text in request.tags:
        if key.startswith(_OURS) or not (_TAG_KEY.fullmatch(key) and _TAG_VALUE.fullmatch(text)):
            raise InputError(
                f"not every cloud accepts the tag {key}={text}, or skytf sets it itself",
                hint="lower-case letters, digits, hyphens and underscores, up to 63, the key beginning with a letter",
            )


def _check_once(flag: str, names: Iterable[str]) -> None:
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InputError(f"{flag} {twice[0]}=… is given twice", hint="leave one of them out")


def _check_option(option: SiteOption, sites: Collection[str]) -> None:
    if option.name not in OPTIONS:
        raise InputError(f"a site has no option {option.name!r}", hint=f"known: {', '.join(sorted(OPTIONS))}")
    cloud, _, region = option.where.partition(":")
    of_cloud = sheet(cloud)
    if of_cloud.provider is None or option.name in of_cloud.without:
        raise InputError(f"{_flag(option)}: {of_cloud.title} has no such thing", hint="leave it out")
    if not option.values or (option.name not in SEVERAL and len(option.values) > 1):
        raise InputError(f"{_flag(option)} takes one value, not {len(option.values)}", hint="name one")
    if region:
        of_cloud.check_region(region)
        if option.where not in sites:
            raise InputError(
                f"{_flag(option)}: no gateway stands there", hint=f"gateways stand in {', '.join(sorted(sites))}"
            )


def _flag(option: SiteOption) -> str:
    return f"{OPTIONS.get(option.name, option.name)} {option.where}=…"


def _chosen(options: Iterable[SiteOption], region: Region) -> dict[str, tuple[str, ...]]:
    """Return name → values for *region*: what is said of the region wins over what is said of its cloud."""
    options = tuple(options)
    of_cloud = {one.name: one.values for one in options if one.where == region.cloud}
    return of_cloud | {one.name: one.values for one in options if one.where == str(region)}


def _check_zones(region: Region, wanted: Iterable[str]) -> None:
    known = zones(region)
    for zone in wanted if sheet(region.cloud).regions else ():
        if zone not in known:
            hint = f"its zones: {', '.join(known)}" if known else "it has no zones: leave the option out"
            raise InputError(f"{zone!r} is no zone of {region}", hint=hint)


def _arch(facts_of_cloud: Sheet, region: Region, types: Iterable[str]) -> str:
    by_arch: dict[str, str] = {}
    for name in types if facts_of_cloud.instances else ():
        by_arch.setdefault(facts_of_cloud.instance(name).arch, name)
    if len(by_arch) > 1:
        text = " and ".join(f"{name} is {arch}" for arch, name in sorted(by_arch.items()))
        raise InputError(
            f"the instance types of {region} have different processors: {text}", hint="name types of one processor"
        )
    return next(iter(by_arch), SiteSettings().arch)


def _by_identity(end: Endpoint, region: Region) -> bool:
    return end.access == "identity" and end.region == region


def _access(end: Endpoint, *, recursive: bool, write: bool) -> Access:
    # A destination is read too: what stands there is looked up before it is replaced, and after it was completed.
    prefix = as_folder(end.prefix) if recursive else end.prefix
    return Access(end.store.scheme, end.store.bucket, prefix, read=True, write=write)


def _wanted(request: Request, region: Region) -> Mapping[str, Fact]:
    """Return name → fact; of a pattern with ``*`` one for each account or instance that an end in `access` names."""
    accounts = {one.bucket.partition("/")[0] for one in access(request, region).values()}
    return {
        name: fact
        for fact in sheet(region.cloud).facts
        for name in (
            [fact.pattern.replace("*", account) for account in accounts] if "*" in fact.pattern else [fact.pattern]
        )
    }
