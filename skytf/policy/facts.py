"""What the rules of a policy are held against, gathered from a bundle. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.mapping import as_folder
from skytf.bundle import PLAN_JSON, Bundle
from skytf.errors import Refused
from skytf.model.job import Endpoint, Job, Request
from skytf.model.review import Review, SiteReview
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology
from skytf.policy.modules import Attribute, Disk, Module, module
from skytf.review import review
from skytf.sites import access, settings

_NOTHING_DONE = (["no-op"], ["read"])


@dataclass(frozen=True, slots=True)
class Planned:
    """What Terraform does to one resource; *after* are the values that it will have, *unknown* those it has not yet."""

    address: str
    type: str
    actions: tuple[str, ...]
    after: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """
    One bundle. *planned* is None where Terraform has planned nothing (offline).

    *operator_cidr* is who will reach SSH: empty where this machine's one address is asked for when it is applied, None
    where nobody can say yet.
    """

    request: Request
    surveys: tuple[JobSurvey, ...]
    topology: Topology
    review: Review
    planned: tuple[Planned, ...] | None
    operator_cidr: str | None = None

    def modules(self) -> dict[str, Module]:
        """Return cloud → what is known of its module, of the clouds in which gateways stand; sorted."""
        return {cloud: module(cloud) for cloud in sorted({one.cloud for one in self.topology.regions()})}

    def sites_in_clouds(self) -> list[SiteReview]:
        """Return the sites that are not this machine."""
        return [one for one in self.review.sites if not module(one.region.cloud).own_machine]

    def without_store_key(self) -> list[str]:
        """Return the regions whose gateways open stores by their identity, and name no key of theirs."""
        regions = [one.region for one in self.sites_in_clouds()]
        return [
            str(one) for one in regions if access(self.request, one) and not settings(self.request, one).store_kms_keys
        ]

    def planned_of(self, rows: tuple[Attribute, ...] | tuple[Disk, ...]) -> Iterator[tuple[Any, Planned]]:
        """Yield each of *rows* with each resource that it speaks of."""
        for row in rows:
            for one in self.planned or ():
                if one.type == row.type and one.actions != ("delete",):
                    yield row, one


def facts_of(bundle: Bundle, operator_cidr: str | None = None) -> Facts:
    """
    Return the facts of *bundle*, and of who applies it where that is known.

    Raises:
        Refused: Its plan.json is broken.
    """
    manifest, text = bundle.manifest, bundle.plan_json
    try:
        return Facts(
            request=manifest.request,
            surveys=manifest.survey,
            topology=bundle.topology,
            review=review(manifest.request, bundle.topology, text),
            planned=None if text is None else tuple(_planned(json.loads(text))),
            operator_cidr=operator_cidr,
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise Refused(f"{PLAN_JSON} is broken: {error}", hint="plan again") from error


def place(job: Job, end: Endpoint) -> str:
    """
    Return where an *end* of *job* is, as patterns see it; what is copied recursively is everything below a folder.

    A store at an address of its own is no store of a cloud, and is named by that address.
    """
    prefix = as_folder(end.prefix) if job.recursive else end.prefix
    if not end.store.endpoint_url:
        return end.url_of(prefix)
    return f"{end.store.endpoint_url.rstrip('/')}/{end.store.bucket}/{prefix}"


def travels(end: Endpoint) -> bool:
    """Return whether keys of the operator's leave this machine to open *end*."""
    return bool(end.store.credentials) and not module(end.region.cloud).own_machine


def blocks(one: Planned, block: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the values, and what is unknown of them, of each *block* of a resource; of itself if it is empty."""
    if not block:
        return [(one.after, one.unknown)]
    values = one.after.get(block) or []
    unknown = one.unknown.get(block)
    known = unknown if isinstance(unknown, list) else []
    return [(value, known[index] if index < len(known) else {}) for index, value in enumerate(values)]


def _planned(plan: Mapping[str, Any]) -> Iterator[Planned]:
    for one in plan.get("resource_changes") or ():
        change = one["change"]
        if one.get("mode") == "managed" and change["actions"] not in _NOTHING_DONE:
            yield Planned(
                str(one["address"]),
                str(one["type"]),
                tuple(change["actions"]),
                change.get("after") or {},
                change.get("after_unknown") or {},
            )
