"""What the user asked for, resolved: no secrets, no relative paths, no defaults left open."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.program import Settings
from gateway.stores.base import StoreSpec
from skytf.model.region import Region
from skytf.model.site import SiteOption


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One end of a job.

    ``url`` is as the user wrote it (paths made absolute); ``prefix`` is the key or key prefix inside the store.
    ``profile`` names the credentials profile on the operator's machine, empty for the standard chain.
    ``access`` says how gateways open the store: with ``keys`` of the operator's that travel over SSH, or as the
    ``identity`` that the cloud gives them.
    """

    url: str
    store: StoreSpec
    prefix: str
    region: Region
    profile: str = ""
    access: str = "keys"

    def url_of(self, key: str) -> str:
        """Return *key* of this end's store as a user would write it."""
        return f"/{key}" if self.store.scheme == "file" else f"{self.store.scheme}://{self.store.bucket}/{key}"


@dataclass(frozen=True, slots=True)
class Job:
    """One source and its destinations; ``job_id`` is also its partition in the programs."""

    job_id: str
    source: Endpoint
    destinations: tuple[Endpoint, ...]
    recursive: bool


@dataclass(frozen=True, slots=True)
class LinkShape:
    """A slow link played on this machine: rates in Mbit/s (0: no limit), one-way delay in ms."""

    source: Region
    target: Region
    link_mbps: float = 0.0
    connection_mbps: float = 0.0
    delay_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """
    Everything that decides a bundle, together with catalog, quota and tool version.

    ``instances`` per site; ``via`` is the relay region or None. ``site_options`` are choices for single sites, the
    fields after it hold for all sites in clouds; ``facts`` are cloud, name and value.
    """

    jobs: tuple[Job, ...]
    instances: int = 1
    via: Region | None = None
    connections: int = 4
    settings: Settings = field(default_factory=Settings)
    shapes: tuple[LinkShape, ...] = ()
    ttl_minutes: int = 60
    source_drift: str = "report"
    site_options: tuple[SiteOption, ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    spot: bool = False
    private_addresses: bool = False
    disk_gib: int = 30
    ssh_port: int = 22
    tags: tuple[tuple[str, str], ...] = ()
