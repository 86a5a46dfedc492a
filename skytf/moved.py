"""Which figures of the catalog are no longer those that were reviewed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from skytf.errors import Refused
from skytf.model.figures import EgressFigures, Figures, LinkFigures, Quote, SiteFigures, StoreFigures
from skytf.model.span import Span

_MAX_NAMED = 20
_SITE = {
    "network_gbps": "network in Gbit/s",
    "egress_cap_gbps": "cap on egress in Gbit/s",
    "usd_per_hour": "$ an hour",
    "disk_usd_per_gb_month": "$ a GB of disk and month",
    "address_usd_per_hour": "$ an address and hour",
}


def check_figures(reviewed: Figures, now: Figures) -> None:
    """
    Check that the catalog says *now* what it said when the plan was *reviewed*.

    Raises:
        Refused: A figure has moved; the message names each with both values.
    """
    if found := moved(reviewed, now):
        more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
        raise Refused(
            f"the catalog no longer says what was reviewed: {'; '.join(found[:_MAX_NAMED])}{more}",
            hint="plan again, or give the catalog that was reviewed: --catalog DIR",
        )


def moved(reviewed: Figures, now: Figures) -> tuple[str, ...]:
    """
    Return what differs, in words: ``egress a -> b, tier from 0 GB: 0.09 reviewed, 0.05 now``.

    A row with a later date or another source that says the same is no other figure.
    """
    then, today = dict(_named(reviewed)), dict(_named(now))
    names = [*then, *(name for name in today if name not in then)]
    return tuple(
        f"{name}: {then.get(name, 'none')} reviewed, {today.get(name, 'none')} now"
        for name in names
        if then.get(name) != today.get(name)
    )


def _named(figures: Figures) -> Iterator[tuple[str, str]]:
    """Yield name → value of everything that a prediction or a cost rests on."""
    for egress in figures.egress:
        yield from _egress(egress)
    for site in figures.sites:
        yield from _site(site)
    for store in figures.stores:
        yield from _store(store)
    for link in figures.links:
        yield from _link(link)
    yield "boot in s", _text(figures.boot_s)
    yield "teardown in s", _text(figures.teardown_s)


def _egress(one: EgressFigures) -> Iterator[tuple[str, str]]:
    name = f"egress {one.source} -> {one.target}"
    yield f"{name}, bytes in a GB", str(one.gb_bytes)
    for tier in one.tiers:
        upto = "" if tier.to_gb is None else f" up to {tier.to_gb:g} GB"
        yield f"{name}, tier from {tier.from_gb:g} GB{upto}", _text(tier.usd_per_gb)


def _site(one: SiteFigures) -> Iterator[tuple[str, str]]:
    name = f"{one.region} {one.instance_type}".strip()
    yield f"{name}, vCPUs", str(one.vcpus)
    yield f"{name}, GiB of disk", str(one.disk_gib)
    for field, what in _SITE.items():
        yield f"{name}, {what}", _text(getattr(one, field))


def _store(one: StoreFigures) -> Iterator[tuple[str, str]]:
    yield f"{one.end}, storage class", one.storage_class or "none"
    for operation, quote in sorted(one.usd_per_1000.items()):
        yield f"{one.end}, $ for 1,000 {operation}", _text(quote)
    yield f"{one.end}, $ for a GB retrieved", _text(one.retrieval_usd_per_gb)


def _link(one: LinkFigures) -> Iterator[tuple[str, str]]:
    yield f"{one.source} -> {one.target}, Gbit/s", _text(one.throughput_gbps)
    yield f"{one.source} -> {one.target}, round trip in ms", _text(one.rtt_ms)


def _text(quote: Quote) -> str:
    value = quote.value
    if value == Span():
        return "unknown"
    if value.low == value.likely == value.high:
        return f"{value.low:.12g}"
    likely, high = ("unknown" if one is None else f"{one:.12g}" for one in (value.likely, value.high))
    return f"{value.low:.12g} to {high}, likely {likely}"
