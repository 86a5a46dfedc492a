"""The rows of the catalog that one plan rests on, as they stand in its bundle: each with its date and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skytf.model.region import Region
from skytf.model.span import Span


@dataclass(frozen=True, slots=True)
class Quote:
    """
    One figure of the catalog.

    ``date`` (ISO 8601) and ``source`` are those of its row. ``rule`` says how it was estimated where there was no row
    (``source`` then names what it was estimated from), and is empty where there was one. A quote without a source is
    unknown, and its ``value`` is then ``Span()``.
    """

    value: Span = field(default_factory=Span)
    date: str = ""
    source: str = ""
    rule: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a figure at all."""
        return bool(self.source or self.rule)


@dataclass(frozen=True, slots=True)
class Tier:
    """A price of a month's GB from *from_gb* on, up to *to_gb*; None of the last tier."""

    from_gb: float
    to_gb: float | None
    usd_per_gb: Quote


@dataclass(frozen=True, slots=True)
class EgressFigures:
    """
    What bytes cost that leave *source* for *target*: text of a region, or ``r2://account/bucket`` of a store elsewhere.

    ``tiers`` are sorted, and empty where nothing is known; ``gb_bytes`` is what the source's cloud bills as a GB.
    """

    source: str
    target: str
    tiers: tuple[Tier, ...] = ()
    gb_bytes: int = 10**9


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """Between two sites: Gbit/s that one gateway of each reaches together, and round-trip time in ms."""

    source: Region
    target: Region
    throughput_gbps: Quote
    rtt_ms: Quote


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """
    One site with the instance type that its gateways have (the first of its settings; empty on this machine).

    ``latitude`` and ``longitude`` in degrees, None where not known. ``disk_gib`` is what its module makes of the disk
    that was asked for. Where the cloud is this machine, all prices are 0 with the source ``own machine``.
    """

    region: Region
    instance_type: str
    vcpus: int
    network_gbps: Quote
    egress_cap_gbps: Quote
    usd_per_hour: Quote
    disk_usd_per_gb_month: Quote
    address_usd_per_hour: Quote
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    disk_gib: int = 0


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """
    What requests to the store of one end cost: ``end`` is ``<job id>-source`` or ``<job id>-destination-<n>``.

    ``usd_per_1000`` has the operations ``get``, ``put``, ``multipart-part`` and ``list``.
    """

    end: str
    storage_class: str
    usd_per_1000: Mapping[str, Quote]
    retrieval_usd_per_gb: Quote


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a prediction and a cost of one topology are computed from; sorted by name."""

    sites: tuple[SiteFigures, ...] = ()
    links: tuple[LinkFigures, ...] = ()
    egress: tuple[EgressFigures, ...] = ()
    stores: tuple[StoreFigures, ...] = ()
    boot_s: Quote = field(default_factory=Quote)
    teardown_s: Quote = field(default_factory=Quote)

    def site(self, region: Region) -> SiteFigures:
        """Return the figures of *region*; every site of the topology has some."""
        return next(one for one in self.sites if one.region == region)

    def link(self, source: Region, target: Region) -> LinkFigures:
        """Return the figures of a link of the topology."""
        return next(one for one in self.links if (one.source, one.target) == (source, target))
