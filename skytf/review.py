"""The facts of a bundle that a reviewer, a policy and a comparison ask for. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from skytf.clouds.sheet import sheet
from skytf.errors import Refused
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region
from skytf.model.review import Made, Opening, Review, Right, SiteReview
from skytf.model.site import DATA_PORTS
from skytf.model.topology import Topology
from skytf.render.root import diallers
from skytf.sites import access, settings

OPERATOR = "operator"
_NOTHING_DONE = ("no-op", "read")


def review(request: Request, topology: Topology, plan_json: bytes | None) -> Review:
    """
    Return the facts of the bundle of *request* and *topology*; *plan_json* is None where it was planned offline.

    Raises:
        Refused: *plan_json* is none.
    """
    regions = topology.regions()
    return Review(
        sites=tuple(_site(region, request, topology) for region in regions),
        openings=tuple(one for region in regions for one in _openings(region, request, topology)),
        rights=tuple(one for region in regions for one in _rights(region, request)),
        tags=request.tags,
        ttl_minutes=request.ttl_minutes,
        made=None if plan_json is None else _made(plan_json),
    )


def _made(plan_json: bytes) -> tuple[Made, ...]:
    try:
        return made(json.loads(plan_json))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise Refused(f"plan.json is broken: {error}", hint="plan again") from error


def made(plan: dict[str, Any]) -> tuple[Made, ...]:
    """Return what the normalised *plan* does, counted by module, type and action."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in plan.get("resource_changes") or ():
        actions = one["change"]["actions"]
        if one.get("mode") == "managed" and actions[0] not in _NOTHING_DONE:
            module = str(one.get("module_address", "")).removeprefix("module.").partition(".")[0]
            counts[module, str(one["type"]), " and ".join(actions)] += 1
    return tuple(Made(*key, count) for key, count in sorted(counts.items()))


def _site(region: Region, request: Request, topology: Topology) -> SiteReview:
    chosen = settings(request, region)
    of_cloud = sheet(region.cloud)
    types = chosen.instance_types
    return SiteReview(
        region=region,
        gateways=len(topology.at(region)),
        instance_types=types,
        vcpus=of_cloud.instance(types[0]).vcpus if types and of_cloud.instances else 0,
        spot=chosen.spot,
        disk_gib=chosen.disk_gib if of_cloud.provider is not None else 0,
        disk_key=chosen.disk_kms_key,
        public_addresses=of_cloud.provider is not None and not chosen.private_addresses,
        network=chosen.existing_network,
        identity=chosen.identity,
        zones=chosen.zones,
    )


def _openings(region: Region, request: Request, topology: Topology) -> list[Opening]:
    if sheet(region.cloud).provider is None:
        return []  # everything listens on loopback
    ssh = settings(request, region).ssh_port
    whom = {
        OPERATOR if sheet(one.region.cloud).provider is None else str(one.region)
        for one in diallers(region, topology).values()
    }
    data = [Opening(region, *DATA_PORTS, one) for one in sorted({*whom, str(region)})]
    return [Opening(region, ssh, ssh, OPERATOR), *data]


def _rights(region: Region, request: Request) -> list[Right]:
    if sheet(region.cloud).provider is None:
        return []
    own = {
        (f"{one.scheme}://{one.bucket}/{one.prefix}", one.read, one.write) for one in access(request, region).values()
    }
    lent = {
        (end.url, not write, write)
        for job in request.jobs
        for end, write in ((job.source, False), *((one, True) for one in job.destinations))
        if _by_keys(end, region)
    }
    rights = [Right(region, *one, by="identity") for one in own] + [Right(region, *one, by="keys") for one in lent]
    return sorted(rights, key=lambda one: (one.store, one.by, one.write))


def _by_keys(end: Endpoint, region: Region) -> bool:
    return bool(end.store.credentials) and end.region == region
