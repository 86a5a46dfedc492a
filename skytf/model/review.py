"""What a reviewer looks at, as values: PLAN.md, plan.html, `skytf diff` and policies all speak of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skytf.model.difference import Difference
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.quota import QuotaRead
from skytf.model.region import Region
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology


@dataclass(frozen=True, slots=True)
class Opening:
    """Ports of a site's gateways that somebody may reach: ``whom`` is ``operator``, or the text of a region."""

    region: Region
    first_port: int
    last_port: int
    whom: str


@dataclass(frozen=True, slots=True)
class Right:
    """What the gateways of a site may do with a store by the identity they are given, or by the operator's keys."""

    region: Region
    store: str
    read: bool
    write: bool
    by: str


@dataclass(frozen=True, slots=True)
class SiteReview:
    """
    One site. ``instance_types``: the first is taken, the others where it is sold out; empty on this machine.

    ``disk_key`` is empty for the cloud's own key; ``identity`` where one is made; ``network`` where a new one is.
    """

    region: Region
    gateways: int
    instance_types: tuple[str, ...]
    vcpus: int
    spot: bool
    disk_gib: int
    disk_key: str
    public_addresses: bool
    network: str
    identity: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What Terraform does: *count* resources of one type in one module (site), with one action."""

    module: str
    resource_type: str
    action: str
    count: int


@dataclass(frozen=True, slots=True)
class Review:
    """
    The facts of a bundle; everything sorted.

    ``made`` is None where Terraform has planned nothing (offline).
    """

    sites: tuple[SiteReview, ...]
    openings: tuple[Opening, ...]
    rights: tuple[Right, ...]
    tags: tuple[tuple[str, str], ...]
    ttl_minutes: int
    made: tuple[Made, ...] | None


@dataclass(frozen=True, slots=True)
class Page:
    """
    What PLAN.md and plan.html are rendered from.

    ``permissions`` maps each cloud to what the operator's credentials must be allowed there, sorted. The digests are
    SHA-256, hexadecimal; that of plan.json is empty where it was planned offline.
    """

    request: Request
    surveys: tuple[JobSurvey, ...]
    topology: Topology
    figures: Figures
    review: Review
    quota: tuple[QuotaRead, ...] = ()
    against: Difference | None = None
    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    manifest_digest: str = ""
    plan_digest: str = ""

    @property
    def offline(self) -> bool:
        """Whether nobody was asked what the sources hold."""
        return any(one.assumed for one in self.surveys)
