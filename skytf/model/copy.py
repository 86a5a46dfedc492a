"""What a user asks for, before anything is looked up: the arguments of `skytf plan` and `Client.plan`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.chunk import DEFAULT_CHUNK_BYTES, DEFAULT_THRESHOLD_BYTES
from skytf.model.job import LinkShape


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
    ``if_exists`` is ``overwrite``, ``skip`` or ``fail``; ``source_drift`` is ``report`` or ``refuse``;
    ``max_duration_minutes`` None takes three times the predicted time, at least one hour.
    """

    instances: int | None = None
    via: str = ""
    connections: int = 4
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    threshold_bytes: int = DEFAULT_THRESHOLD_BYTES
    if_exists: str = "overwrite"
    compression: str = "lz4"
    source_drift: str = "report"
    max_duration_minutes: int | None = None
    shapes: tuple[LinkShape, ...] = ()
