"""The figures that a prediction and a cost rest on, each with its date and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from skytf.model.figures import EgressFigures, Figures, Quote, SiteFigures, StoreFigures
from skytf.model.span import Span
from skytf.render.words import UNKNOWN, amount, amount_range, duration_range, price

THROUGHPUT = "throughput of one gateway at each end"


@dataclass(frozen=True, slots=True)
class BasisRow:
    """One figure in words; where it is not known ``value`` says so, and ``rule`` says how it was estimated."""

    of: str
    what: str
    value: str
    date: str
    source: str
    rule: str


def basis(figures: Figures) -> tuple[BasisRow, ...]:
    """Return every figure of *figures*, by what it is of."""
    return tuple(_all(figures))


def _all(figures: Figures) -> Iterator[BasisRow]:
    for one in figures.sites:
        yield from _of_site(one)
    for link in figures.links:
        of = f"{link.source} to {link.target}"
        yield _row(of, THROUGHPUT, link.throughput_gbps, _gbps)
        yield _row(of, "round-trip time", link.rtt_ms, lambda span: amount_range(span, "ms"))
    for row in figures.egress:
        yield from _of_egress(row)
    for store in figures.stores:
        yield from _of_store(store)
    yield _row("gateways", "time to boot", figures.boot_s, duration_range)
    yield _row("gateways", "time to remove them", figures.teardown_s, duration_range)


def _of_site(one: SiteFigures) -> Iterator[BasisRow]:
    of = f"{one.region}, {one.instance_type}" if one.instance_type else str(one.region)
    yield _row(of, "bandwidth of an instance", one.network_gbps, _gbps)
    yield _row(of, "egress cap of an instance", one.egress_cap_gbps, _gbps)
    yield _row(of, "an hour of an instance", one.usd_per_hour, _price)
    yield _row(of, "a GB of disk for a month", one.disk_usd_per_gb_month, _price)
    yield _row(of, "an hour of a public address", one.address_usd_per_hour, _price)


def _of_egress(row: EgressFigures) -> Iterator[BasisRow]:
    of = f"{row.source} to {row.target}"
    if not row.tiers:
        yield _row(of, "egress, a GB", Quote(), _price)
    for tier in row.tiers:
        begin = amount(tier.from_gb)
        span = f" from {begin} GB on" if tier.to_gb is None else f" from {begin} to {amount(tier.to_gb)} GB"
        yield _row(of, f"egress, a GB{span if len(row.tiers) > 1 else ''}", tier.usd_per_gb, _price)


def _of_store(store: StoreFigures) -> Iterator[BasisRow]:
    of = f"{store.end}, {store.storage_class}" if store.storage_class else store.end
    for operation, quote in sorted(store.usd_per_1000.items()):
        yield _row(of, f"1,000 {operation} requests", quote, _price)
    yield _row(of, "retrieval, a GB", store.retrieval_usd_per_gb, _price)


def _row(of: str, what: str, quote: Quote, text: Callable[[Span], str]) -> BasisRow:
    return BasisRow(of, what, text(quote.value) if quote.known else UNKNOWN, quote.date, quote.source, quote.rule)


def _gbps(span: Span) -> str:
    return amount_range(span, "Gbit/s")


def _price(span: Span) -> str:
    if span.high is None:
        return UNKNOWN
    low, high = price(span.low), price(span.high)
    return low if low == high else f"{low} to {high}"
