"""The figures that a prediction and a cost rest on, each with its date and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from skytf.model.figures import EgressFigures, Figures, Quote, SiteFigures, StoreFigures
from skytf.model.job import Request
from skytf.model.span import Span
from skytf.render.said import Name
from skytf.render.words import UNKNOWN, amount, amount_range, duration_range, price

THROUGHPUT, ROUND_TRIP = "throughput", "round-trip time"


@dataclass(frozen=True, slots=True)
class BasisRow:
    """
    One figure in words; where it is not known ``value`` says so, and ``rule`` says how it was estimated.

    ``of`` is a site, a link or the URL of an end, ``kind`` in a word or two what of it: ``disk``.
    """

    of: str
    kind: str
    what: str
    value: str
    date: str
    source: str
    rule: str


def basis(figures: Figures, request: Request) -> tuple[BasisRow, ...]:
    """Return every figure of *figures*, by what it is of; *request* has the URLs of the ends."""
    return tuple(_all(figures, _urls(request)))


def _urls(request: Request) -> Mapping[str, str]:
    """Return the name that figures have for an end → its URL."""
    found = {}
    for job in request.jobs:
        found[f"{job.job_id}-source"] = job.source.url
        found |= {f"{job.job_id}-destination-{index}": end.url for index, end in enumerate(job.destinations)}
    return found


def _all(figures: Figures, urls: Mapping[str, str]) -> Iterator[BasisRow]:
    for one in figures.sites:
        yield from _of_site(one)
    for link in figures.links:
        of = f"{link.source} to {link.target}"
        yield _row(of, THROUGHPUT, "throughput of one gateway at each end", link.throughput_gbps, _gbps)
        yield _row(of, ROUND_TRIP, "round-trip time", link.rtt_ms, lambda span: amount_range(span, "ms"))
    for row in figures.egress:
        yield from _of_egress(row)
    for store in figures.stores:
        yield from _of_store(store, urls.get(store.end, store.end))
    yield _row("gateways", "boot", "time to boot", figures.boot_s, duration_range)
    yield _row("gateways", "removal", "time to remove them", figures.teardown_s, duration_range)


def _of_site(one: SiteFigures) -> Iterator[BasisRow]:
    of = f"{one.region}, {one.instance_type}" if one.instance_type else str(one.region)
    yield _row(of, "network", "bandwidth of an instance", one.network_gbps, _gbps)
    yield _row(of, "egress cap", "egress cap of an instance", one.egress_cap_gbps, _gbps)
    yield _row(of, "instance", "an hour of an instance", one.usd_per_hour, _price)
    yield _row(of, "disk", "a GB of disk for a month", one.disk_usd_per_gb_month, _price)
    yield _row(of, "public address", "an hour of a public address", one.address_usd_per_hour, _price)


def _of_egress(row: EgressFigures) -> Iterator[BasisRow]:
    of = f"{row.source} to {row.target}"
    if not row.tiers:
        yield _row(of, "egress", "egress, a GB", Quote(), _price)
    for tier in row.tiers:
        begin = amount(tier.from_gb)
        span = f" from {begin} GB on" if tier.to_gb is None else f" from {begin} to {amount(tier.to_gb)} GB"
        yield _row(of, "egress", f"egress, a GB{span if len(row.tiers) > 1 else ''}", tier.usd_per_gb, _price)


def _of_store(store: StoreFigures, url: str) -> Iterator[BasisRow]:
    of = Name(f"{url}, {store.storage_class}" if store.storage_class else url)
    for operation, quote in sorted(store.usd_per_1000.items()):
        yield _row(of, "requests", f"1,000 {operation} requests", quote, _price)
    yield _row(of, "retrieval", "retrieval, a GB", store.retrieval_usd_per_gb, _price)


def _row(of: str, kind: str, what: str, quote: Quote, text: Callable[[Span], str]) -> BasisRow:
    value = text(quote.value) if quote.known else UNKNOWN
    return BasisRow(of, kind, what, value, quote.date, quote.source, quote.rule)


def _gbps(span: Span) -> str:
    return amount_range(span, "Gbit/s")


def _price(span: Span) -> str:
    if span.high is None:
        return UNKNOWN
    low, high = price(span.low), price(span.high)
    return low if low == high else f"{low} to {high}"
