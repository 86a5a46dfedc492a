"""At which scale this machine can play a topology, and the shape that each link then has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.program import Settings
from skytf.bundle import Manifest
from skytf.model.figures import Figures, LinkFigures, Quote, SiteFigures
from skytf.model.job import LinkShape
from skytf.model.prediction import LinkPrediction, Prediction
from skytf.model.region import Region
from skytf.model.topology import Topology

_MBPS = 1000.0  # in one Gbit/s
# 0 would be no limit at all.
_SLOWEST_MBPS = 0.001
# A relay waits for a whole piece before it sends it on: with a few in each connection the links are busy nearly always.
_PIECES_PER_CONNECTION = 16
_SMALLEST_PIECE = 1 << 18

# The two sites of a link, in order; a shape holds for both directions.
Pair = tuple[Region, Region]


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How fast everything is played.

    ``scale`` is the share of the predicted rates, at most 1; ``shapes`` are for the links between single gateways;
    ``notes`` say in words what is not played.
    """

    scale: float
    shapes: tuple[LinkShape, ...]
    notes: tuple[str, ...]


def scale_for(prediction: Prediction, rate_mbps: float) -> float:
    """
    Return the share of the predicted rates at which all links of *prediction* together carry *rate_mbps*, at most 1.

    1 where no rate is known.
    """
    flows = [one.flow_gbps.likely or one.capacity_gbps.likely for one in prediction.links]
    total_mbps = sum(flow for flow in flows if flow) * _MBPS
    return min(1.0, float(f"{rate_mbps / total_mbps:.3g}")) if total_mbps else 1.0


def pace(scale: float, played: Topology, planned: Topology, prediction: Prediction, manifest: Manifest) -> Pace:
    """
    Return how the links of the topology *played* are shaped at *scale*.

    What two sites reach together, as *prediction* of the topology *planned* says, is shared out evenly among the links
    between their gateways.
    """
    notes: list[str] = []
    region = {one.gateway_id: one.region for one in played.gateways}
    number = Counter((region[link.source], region[link.target]) for link in played.links)
    rates = _rates_gbps(planned, prediction, manifest.figures)
    shapes: dict[Pair, LinkShape] = {}
    for (source, target), links in sorted(number.items()):
        gbps = rates.get((source, target))
        delay_ms = _delay_ms(source, target, manifest)
        if gbps is None:
            notes.append(f"{source} -> {target}: nobody knows its throughput: it is played as fast as it goes")
        if delay_ms is None:
            notes.append(f"{source} -> {target}: nobody knows its round trip: it is played without one")
        mbps = 0.0 if gbps is None else max(round(gbps * scale * _MBPS / links, 3), _SLOWEST_MBPS)
        shape = LinkShape(source, target, link_mbps=mbps, delay_ms=delay_ms or 0.0)
        pair = (source, target) if source < target else (target, source)
        if (other := shapes.get(pair)) is not None and other.link_mbps != mbps:
            notes.append(f"{source} <-> {target}: both directions are played at the lower of their rates")
            shape = min(shape, other, key=lambda one: one.link_mbps or float("inf"))
        shapes[pair] = shape
    return Pace(scale, tuple(shape for _, shape in sorted(shapes.items())), tuple(notes))


def scaled(manifest: Manifest, scale: float) -> Manifest:
    """Return *manifest* with all rates at *scale*; prices, times and round trips stay."""
    figures, request = manifest.figures, manifest.request
    shapes = tuple(
        replace(one, link_mbps=one.link_mbps * scale, connection_mbps=one.connection_mbps * scale)
        for one in request.shapes
    )
    return replace(
        manifest,
        request=replace(request, shapes=shapes),
        figures=replace(
            figures,
            links=tuple(_scaled_link(one, scale) for one in figures.links),
            sites=tuple(_scaled_site(one, scale) for one in figures.sites),
        ),
    )


def settings_for(settings: Settings, topology: Topology, size_bytes: int) -> Settings:
    """
    Return *settings* with pieces small enough that *size_bytes* are several in every connection, if they are not.

    At a small scale a chunk of 64 MiB would take longer than the whole rehearsal.
    """
    region = {one.gateway_id: one.region for one in topology.gateways}
    connections: Counter[Pair] = Counter()
    for link in topology.links:
        connections[region[link.source], region[link.target]] += link.connections
    share = size_bytes // (_PIECES_PER_CONNECTION * max(connections.values(), default=1))
    piece = max(1 << max(share.bit_length() - 1, 0), _SMALLEST_PIECE)
    if piece >= settings.chunk_bytes:
        return settings
    return replace(
        settings,
        chunk_bytes=piece,
        threshold_bytes=max(settings.threshold_bytes * piece // settings.chunk_bytes, piece),
        batch_bytes=min(settings.batch_bytes, piece),
        slice_bytes=min(settings.slice_bytes, piece),
        # A pool for chunks of gigabytes would be taken from this machine by every gateway.
        pool_bytes=min(settings.pool_bytes, Settings().pool_bytes),
    )


def _rates_gbps(topology: Topology, prediction: Prediction, figures: Figures) -> dict[Pair, float]:
    """
    Return what passes at most from one site to another; without those of which nobody knows it.

    The caps of a site are shared out among its links in proportion to what is predicted to flow on them.
    """
    rates = {}
    for link in prediction.links:
        rate = link.capacity_gbps.likely
        leaving = [one for one in prediction.links if one.source == link.source]
        coming = [one for one in prediction.links if one.target == link.target]
        caps = [
            _part_gbps(_cap_gbps(link.source, topology, figures, leaving=True), link, leaving),
            _part_gbps(_cap_gbps(link.target, topology, figures, leaving=False), link, coming),
        ]
        if rate is not None:
            rates[link.source, link.target] = min([rate, *(cap for cap in caps if cap is not None)])
    return rates


def _cap_gbps(region: Region, topology: Topology, figures: Figures, *, leaving: bool) -> float | None:
    """Return what all gateways of a site send to (*leaving*) or take from other sites at most."""
    site = next((one for one in figures.sites if one.region == region), None)
    if site is None:
        return None
    caps = [site.network_gbps, site.egress_cap_gbps] if leaving else [site.network_gbps]
    known = [one.value.likely for one in caps if one.value.likely is not None]
    return min(known) * len(topology.at(region)) if known else None


def _part_gbps(cap_gbps: float | None, link: LinkPrediction, links: Sequence[LinkPrediction]) -> float | None:
    """Return the part of a site's cap that is for *link*, one of its *links*."""
    flows = [one.flow_gbps.likely for one in links]
    flow = link.flow_gbps.likely
    if cap_gbps is None or not flow or None in flows:
        return None
    return cap_gbps * flow / sum(one for one in flows if one)


def _delay_ms(source: Region, target: Region, manifest: Manifest) -> float | None:
    """Return the one-way delay of a link: the reviewed one, or half its round trip; None where nobody knows."""
    for shape in manifest.request.shapes:
        if {shape.source, shape.target} == {source, target}:
            return shape.delay_ms
    for one in manifest.figures.links:
        if {one.source, one.target} == {source, target} and one.rtt_ms.value.likely is not None:
            return round(one.rtt_ms.value.likely / 2, 3)
    return None


def _scaled_link(link: LinkFigures, scale: float) -> LinkFigures:
    return replace(link, throughput_gbps=_scaled(link.throughput_gbps, scale))


def _scaled_site(site: SiteFigures, scale: float) -> SiteFigures:
    network_gbps, egress_cap_gbps = (_scaled(one, scale) for one in (site.network_gbps, site.egress_cap_gbps))
    return replace(site, network_gbps=network_gbps, egress_cap_gbps=egress_cap_gbps)


def _scaled(quote: Quote, scale: float) -> Quote:
    return replace(quote, value=quote.value.scaled(scale))
