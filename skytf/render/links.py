"""The links of a topology, one for each pair of sites however many gateways they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skytf.model.figures import EgressFigures, Figures, Quote
from skytf.model.prediction import LinkPrediction
from skytf.model.region import Region
from skytf.model.review import Page
from skytf.model.span import Span
from skytf.model.topology import Gateway
from skytf.render.words import UNKNOWN, amount_range, gbps, price

_DIGITS = 2  # of a price beside a line; the bill has the whole
MEASURED, ESTIMATED = "measured", "estimated"


@dataclass(frozen=True, slots=True)
class SiteLink:
    """
    What passes from one site to another.

    ``pairs`` counts the links between single gateways, ``connections`` all of theirs. ``usd_per_gb`` covers the tiers
    that this many bytes reach. ``object_bytes`` is None, and the flow unknown, where nothing was predicted.
    """

    source: Region
    target: Region
    pairs: int
    connections: int
    dialled_by: Region
    throughput: Quote
    rtt_ms: Quote
    capacity_gbps: Span
    flow_gbps: Span
    object_bytes: int | None
    usd_per_gb: Span
    prices: tuple[Quote, ...]
    bottleneck: bool

    @property
    def flow(self) -> str:
        """How much passes: ``12.4 Gbit/s``, with a mark where it is an estimate."""
        text = gbps(self.flow_gbps)
        return f"≈ {text}" if self.throughput.rule and text != UNKNOWN else text

    @property
    def capacity(self) -> str:
        """How much could pass."""
        return amount_range(self.capacity_gbps, "Gbit/s")

    @property
    def per_gb(self) -> str:
        """What a GB costs: ``$0.02``, ``$0.05 to $0.09``."""
        return _per_gb(self.usd_per_gb, " to ")

    @property
    def basis(self) -> str:
        """Whether the throughput was measured or estimated; empty where it is not known."""
        quote = self.throughput
        return "" if not quote.known else ESTIMATED if quote.rule else MEASURED

    @property
    def labels(self) -> tuple[str, str]:
        """Two short lines for a map."""
        cost = _per_gb(self.usd_per_gb, "-")
        return (
            "Gbit/s unknown" if self.flow == UNKNOWN else self.flow,
            "$/GB unknown" if cost == UNKNOWN else f"{cost}/GB",
        )


def site_links(page: Page) -> tuple[SiteLink, ...]:
    """Return the links between the sites of *page*, sorted; those within a site are its own business."""
    gateways = {one.gateway_id: one for one in page.topology.gateways}
    found: dict[tuple[Region, Region], list[tuple[int, Gateway]]] = {}
    for link in page.topology.links:
        source, target = gateways[link.source], gateways[link.target]
        if source.region != target.region:
            dialler = source if link.dialled_by_source else target
            found.setdefault((source.region, target.region), []).append((link.connections, dialler))
    return tuple(_link(page, source, target, entries) for (source, target), entries in sorted(found.items()))


def _link(page: Page, source: Region, target: Region, entries: list[tuple[int, Gateway]]) -> SiteLink:
    known = {(one.source, one.target): one for one in page.figures.links}.get((source, target))
    prediction = page.topology.prediction
    predicted = {(one.source, one.target): one for one in prediction.links} if prediction else {}
    passing = predicted.get((source, target), LinkPrediction(source, target, Span(), Span(), 0))
    span, prices = _egress(page.figures, source, target, passing.object_bytes)
    return SiteLink(
        source=source,
        target=target,
        pairs=len(entries),
        connections=sum(connections for connections, _ in entries),
        dialled_by=entries[0][1].region,
        throughput=known.throughput_gbps if known else Quote(),
        rtt_ms=known.rtt_ms if known else Quote(),
        capacity_gbps=passing.capacity_gbps,
        flow_gbps=passing.flow_gbps,
        object_bytes=passing.object_bytes if (source, target) in predicted else None,
        usd_per_gb=span,
        prices=prices,
        bottleneck=prediction is not None and prediction.bottleneck == f"{source} -> {target}",
    )


def _egress(figures: Figures, source: Region, target: Region, object_bytes: int) -> tuple[Span, tuple[Quote, ...]]:
    """Return the price of a GB over all tiers that *object_bytes* reach, and where it is from."""
    row: EgressFigures | None = next(
        (one for one in figures.egress if (one.source, one.target) == (str(source), str(target))), None
    )
    if row is None or not row.tiers:
        return Span(), ()
    billed_gb = object_bytes / row.gb_bytes
    prices = tuple(
        one.usd_per_gb for one in row.tiers if one.from_gb == row.tiers[0].from_gb or one.from_gb < billed_gb
    )
    return _hull(one.value for one in prices), prices


def _hull(spans: Iterable[Span]) -> Span:
    found = list(spans)
    highs = [one.high for one in found if one.high is not None]
    likely = {one.likely for one in found}
    return Span(
        min(one.low for one in found),
        likely.pop() if len(likely) == 1 else None,
        max(highs) if len(highs) == len(found) else None,
    )


def _per_gb(span: Span, between: str) -> str:
    if span.high is None:
        return UNKNOWN
    low, high = price(span.low, _DIGITS), price(span.high, _DIGITS)
    return low if low == high else f"{low}{between}{high}"
