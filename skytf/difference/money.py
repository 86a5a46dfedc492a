"""What it costs and how fast it is, and the catalog's figures behind both."""

from __future__ import annotations

from collections.abc import Iterator

from skytf.difference.facts import Fact, Side, changes, in_both
from skytf.model.cost import KINDS
from skytf.model.difference import COST, THROUGHPUT, Change
from skytf.model.figures import Quote
from skytf.model.span import Span
from skytf.render import words


def cost(old: Side, new: Side) -> Iterator[Change]:
    """Yield what the bill is that it was not, and the prices that moved."""
    yield from changes(COST, _bill(old), _bill(new))
    yield from changes(COST, *in_both(_shares(old), _shares(new)))
    yield from changes(COST, _unpriced(old), _unpriced(new))
    yield from changes(COST, *in_both(_prices(old), _prices(new)))


def throughput(old: Side, new: Side) -> Iterator[Change]:
    """Yield how the pace is another, and the figures of links that moved."""
    yield from changes(THROUGHPUT, _pace(old), _pace(new))
    yield from changes(THROUGHPUT, *in_both(_capacities(old), _capacities(new)))
    yield from changes(THROUGHPUT, *in_both(_measured(old), _measured(new)))


def _bill(side: Side) -> dict[str, Fact]:
    bill = side.bundle.topology.cost
    if bill is None:
        return {}
    kinds = {kind: bill.of_kind(kind) for kind in KINDS}
    return {"total": _dollars(bill.total_usd), **{kind: Fact(_likely(one), one.likely) for kind, one in kinds.items()}}


def _shares(side: Side) -> dict[str, Fact]:
    """Return what each destination comes to; the only one has all of it."""
    bill = side.bundle.topology.cost
    if bill is None or len(bill.shares) < 2:
        return {}
    return {f"share of {one.job_id} to {one.url}": Fact(_likely(one.usd), one.usd.likely) for one in bill.shares}


def _unpriced(side: Side) -> dict[str, Fact]:
    bill = side.bundle.topology.cost
    return {"unknown prices": Fact(items=() if bill is None else bill.unknown)}


def _prices(side: Side) -> dict[str, Fact]:
    found: dict[str, Quote] = {}
    figures = side.manifest.figures
    for site in figures.sites:
        found[f"an hour of {site.instance_type} in {site.region}"] = site.usd_per_hour
        found[f"a GB-month of disk in {site.region}"] = site.disk_usd_per_gb_month
        found[f"an hour of an address in {site.region}"] = site.address_usd_per_hour
    for way in figures.egress:
        for tier in way.tiers:
            from_gb = f" above {tier.from_gb:,.0f} GB" if tier.from_gb else ""
            found[f"a GB from {way.source} to {way.target}{from_gb}"] = tier.usd_per_gb
    for store in figures.stores:
        name = f"{store.end} ({store.storage_class})" if store.storage_class else store.end
        found |= {f"1,000 {operation} at {name}": quote for operation, quote in sorted(store.usd_per_1000.items())}
        found[f"a GB read at {name}"] = store.retrieval_usd_per_gb
    return {
        f"price of {what}": Fact(words.price_range(quote.value), quote.value.likely) for what, quote in found.items()
    }


def _pace(side: Side) -> dict[str, Fact]:
    found = side.bundle.topology.prediction
    if found is None:
        return {}
    return {
        "goodput": Fact(words.gbps(found.goodput_gbps), found.goodput_gbps.likely),
        "time to move": Fact(words.duration(found.transfer_s.likely), found.transfer_s.likely),
        "time the fleet stands": Fact(words.duration(found.fleet_s.likely), found.fleet_s.likely),
        "bottleneck": Fact(found.bottleneck or words.UNKNOWN),
        "not taken into account": Fact(items=found.unknown),
    }


def _capacities(side: Side) -> dict[str, Fact]:
    found = side.bundle.topology.prediction
    return {
        f"capacity of {one.source} → {one.target}": Fact(words.gbps(one.capacity_gbps), one.capacity_gbps.likely)
        for one in (found.links if found else ())
    }


def _measured(side: Side) -> dict[str, Fact]:
    found = {}
    for site in side.manifest.figures.sites:
        of = f"{site.instance_type} in {site.region}"
        found[f"network of {of}"] = _gbps(site.network_gbps)
        found[f"egress cap of {of}"] = _gbps(site.egress_cap_gbps)
    for link in side.manifest.figures.links:
        between = f"{link.source} → {link.target}"
        found[f"one gateway's throughput {between}"] = _gbps(link.throughput_gbps)
        found[f"round trip {between}"] = Fact(
            f"{words.amount(link.rtt_ms.value.likely)} ms" if link.rtt_ms.known else words.UNKNOWN,
            link.rtt_ms.value.likely,
        )
    return found


def _gbps(quote: Quote) -> Fact:
    return Fact(words.gbps(quote.value), quote.value.likely)


def _likely(span: Span) -> str:
    return words.usd(span.likely) if span.likely is not None else words.usd_range(span)


def _dollars(span: Span) -> Fact:
    """Return the likely sum and its bounds."""
    bounds = words.usd_range(span)
    likely = _likely(span)
    return Fact(likely if bounds == likely else f"{likely} (between {bounds})".replace(" to ", " and "), span.likely)
