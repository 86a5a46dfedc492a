"""What a user asks for, before anything is looked up: the arguments of `skytf plan` and `Client.plan`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.chunk import DEFAULT_CHUNK_BYTES, DEFAULT_THRESHOLD_BYTES
from skytf.model.job import LinkShape
from skytf.model.site import SiteOption

ECHO_SERVICE = "https://checkip.amazonaws.com"
SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Target:
    """
    One end as the user names it; empty fields mean the default.

    ``region`` is text such as ``local:a``: where this end's gateways stand.
    """

    url: str
    endpoint_url: str = ""
    profile: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """One source and where it goes."""

    source: Target
    destinations: tuple[Target, ...]
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """
    What shapes the fleet and the transfer. Sizes in bytes, durations in minutes.

    ``instances`` is per site, None for the default (1); ``via`` a relay region such as ``local:r``;
    ``if_exists`` is ``overwrite``, ``skip`` or ``fail``; ``source_drift`` is ``report``, ``refuse`` or ``pin``;
    ``compression`` is ``lz4``, ``zstd`` or ``none``; ``cipher`` is ``auto``, ``aes256gcm`` or ``xchacha20poly1305``;
    ``processes`` of each gateway, 0: as many as its CPUs can use;
    ``fsync`` has files on the disk before they count; ``link_tls`` puts TLS 1.3 around every link;
    ``congestion`` is a TCP congestion control, ``auto`` the machine's own;
    ``socket_buffer_bytes`` 0 leaves the buffers of sockets to the kernel;
    ``max_duration_minutes`` None takes three times the predicted time, at least one hour.
    ``sites`` are choices for single sites; ``spot``, ``private_addresses``, ``disk_gib``, ``ssh_port`` and ``tags``
    hold for all sites in clouds. ``facts`` are cloud, name and value of what a look-up in the account would give.
    ``offline`` makes no call to any cloud or store: the regions of both ends must be named, and ``assume_bytes`` and
    ``assume_objects`` stand in for a survey, of each copy. ``gateway_credentials`` is ``auto``, ``identity`` or
    ``keys``: how gateways open the stores of the cloud that they stand in. ``catalogs`` are directories with rows of
    the user's own that stand before the built-in ones, the last one first.
    """

    instances: int | None = None
    via: str = ""
    connections: int = 4
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    threshold_bytes: int = DEFAULT_THRESHOLD_BYTES
    if_exists: str = "overwrite"
    compression: str = "lz4"
    cipher: str = "auto"
    processes: int = 0
    fsync: bool = False
    link_tls: bool = False
    congestion: str = "auto"
    socket_buffer_bytes: int = 0
    source_drift: str = "report"
    max_duration_minutes: int | None = None
    shapes: tuple[LinkShape, ...] = ()
    sites: tuple[SiteOption, ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    spot: bool = False
    private_addresses: bool = False
    disk_gib: int = 30
    ssh_port: int = SSH_PORT
    tags: tuple[tuple[str, str], ...] = ()
    offline: bool = False
    assume_bytes: int | None = None
    assume_objects: int | None = None
    gateway_credentials: str = "auto"
    catalogs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """
    How the operator's machine reaches a fleet and is seen by it: not part of a bundle, given again at apply.

    ``operator_cidr`` is who may reach SSH; where it is empty, ``echo_service`` (an address that answers with the
    caller's own, empty for none) is asked. ``ssh_proxy`` is a jump host, or a command with ``%h`` and ``%p`` in it.
    ``tree_source`` is how the gateway's packages reach the VMs: ``auto``, ``push``, ``fan-out`` or ``index``.
    ``backend`` is a TOML file that says where Terraform keeps its state, empty for the transfer's directory.
    ``catalogs`` as in `Options`: the prices of a bundle are held against them. ``policies`` are files with rules that a
    plan must keep; it is held against them right before it is applied.
    """

    operator_cidr: str = ""
    echo_service: str = ECHO_SERVICE
    ssh_proxy: str = ""
    tree_source: str = "auto"
    backend: str = ""
    catalogs: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
