"""What is allowed to whom, what can be reached from where, and what exactly is moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from gateway.units import format_bytes
from skytf.difference.facts import Fact, Side, changes, in_both
from skytf.model.difference import EXPOSURE, PERMISSIONS, TRANSFER, Change
from skytf.model.figures import Figures, Quote
from skytf.model.job import Endpoint
from skytf.model.review import Opening, Right
from skytf.model.survey import JobSurvey
from skytf.render import words

_BYTES = ("chunk_bytes", "threshold_bytes", "slice_bytes", "batch_bytes", "pool_bytes")


def permissions(old: Side, new: Side) -> Iterator[Change]:
    """Yield what the operator's credentials must, and the gateways may do that they did not."""
    yield from changes(PERMISSIONS, _operators(old, new), _operators(new, old))
    yield from changes(PERMISSIONS, _gateways(old), _gateways(new))


def exposure(old: Side, new: Side) -> Iterator[Change]:
    """Yield what can be reached from where that could not, or no longer."""
    yield from changes(EXPOSURE, _openings(old), _openings(new))
    yield from changes(EXPOSURE, _addresses(old), _addresses(new))


def transfer(old: Side, new: Side) -> Iterator[Change]:
    """Yield how what is moved, or the way it is, is another."""
    yield from changes(TRANSFER, _ends(old), _ends(new))
    yield from changes(TRANSFER, *in_both(_sources(old), _sources(new)))
    yield from _contents(old, new)
    yield from changes(TRANSFER, _options(old), _options(new))
    yield from changes(TRANSFER, _quota(old), _quota(new))
    yield from changes(TRANSFER, _catalog(old), _catalog(new))


def _operators(side: Side, other: Side) -> dict[str, Fact]:
    """Return what credentials need by cloud; of a cloud that *other* has nothing in only how much."""
    return {
        f"the operator in {cloud}": Fact(items=found)
        if cloud in other.permissions
        else Fact(f"{words.count(len(found), 'permission')}, see skytf permissions {cloud}")
        for cloud, found in sorted(side.permissions.items())
        if found
    }


def _gateways(side: Side) -> dict[str, Fact]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in side.review.rights:
        found[f"gateways in {one.region}"].append(_right(one))
    return {name: Fact(items=tuple(texts)) for name, texts in sorted(found.items())}


def _right(one: Right) -> str:
    verbs = "read and write" if one.read and one.write else "write" if one.write else "read"
    return f"{verbs} {one.store} by {'their identity' if one.by == 'identity' else 'your keys'}"


def _openings(side: Side) -> dict[str, Fact]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in side.review.openings:
        found[f"{_ports(one)} of {one.region}, open to"].append(one.whom)
    return {name: Fact(items=tuple(whom)) for name, whom in sorted(found.items())}


def _ports(one: Opening) -> str:
    return f"port {one.first_port}" if one.first_port == one.last_port else f"ports {one.first_port}-{one.last_port}"


def _addresses(side: Side) -> dict[str, Fact]:
    sites = [one for one in side.review.sites if one.disk_gib]  # this machine's gateways listen on loopback
    texts = tuple(f"{one.gateways if one.public_addresses else 'none'} in {one.region}" for one in sites)
    return {"public addresses": Fact(items=texts)}


def _ends(side: Side) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for job in side.manifest.request.jobs:
        found[f"{job.job_id} from"] = Fact(_end(job.source) + ("" if job.recursive else ", one object"))
        found[f"{job.job_id} to"] = Fact(items=tuple(map(_end, job.destinations)))
    return found


def _end(end: Endpoint) -> str:
    parts = [f"{end.url} at {end.region}"]
    parts += [f"endpoint {end.store.endpoint_url}"] if end.store.endpoint_url else []
    parts += [f"profile {end.profile}"] if end.profile else []
    return ", ".join(parts)


def _sources(side: Side) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for one in side.manifest.survey:
        found |= {f"{what} of {one.job_id}": fact for what, fact in _source(one).items()}
    return found


def _source(one: JobSurvey) -> Mapping[str, Fact]:
    skipped = tuple(f"{number:,} {reason}" for reason, number in sorted(one.skipped.items()))
    return {
        "objects": Fact(f"{one.objects:,}", one.objects),
        "size": Fact(f"{format_bytes(one.bytes)} ({one.bytes:,} bytes)", one.bytes),
        "largest object": Fact(_largest(one)),
        "names that are passed over": Fact(items=skipped),
        "survey": Fact("assumed" if one.assumed else "listed"),
        "pinned listing": Fact(one.listing_sha256[:12] or "none"),
    }


def _largest(one: JobSurvey) -> str:
    if one.assumed and not one.largest_bytes:
        return "not known"
    return f"{format_bytes(one.largest_bytes)} ({one.largest_bytes:,} bytes)"


def _contents(old: Side, new: Side) -> Iterator[Change]:
    """Tell of sources whose objects are others though there are as many and as large ones."""
    before = {one.job_id: one for one in old.manifest.survey}
    for one in new.manifest.survey:
        was = before.get(one.job_id)
        if was is None or (was.objects, was.bytes) != (one.objects, one.bytes) or was.assumed or one.assumed:
            continue
        changed = len(set(one.fingerprint) - set(was.fingerprint))
        if changed:
            ranges = words.count(changed, "key range")
            yield Change(TRANSFER, f"content of {one.job_id} that changed", "", ranges)


def _options(side: Side) -> dict[str, Fact]:
    request = side.manifest.request
    settings = {
        name: format_bytes(value) if name in _BYTES else str(value) for name, value in asdict(request.settings).items()
    }
    shapes = tuple(f"{one.source}->{one.target} {one.link_mbps:g}" for one in request.shapes)
    return {
        "strategy": Fact(side.bundle.topology.strategy + (f" through {request.via}" if request.via else "")),
        "connections per link": Fact(str(request.connections)),
        "time limit": Fact(words.time_limit(request.ttl_minutes), request.ttl_minutes),
        "when the source has changed": Fact(request.source_drift),
        "planned": Fact("offline" if side.bundle.plan_json is None else "online"),
        "slowed links": Fact(items=shapes),
        **{name.replace("_", " "): Fact(value) for name, value in settings.items()},
    }


def _quota(side: Side) -> dict[str, Fact]:
    return {f"{one.name} of {one.region}": Fact(f"{one.limit:,g}") for one in side.manifest.quota}


def _catalog(side: Side) -> dict[str, Fact]:
    dates = sorted({quote.date for quote in _quotes(side.manifest.figures) if quote.date})
    texts = dates if len(dates) < 2 else [f"{dates[0]} to {dates[-1]}"]
    return {"dates of the catalog": Fact(" ".join(texts))}


def _quotes(figures: Figures) -> Iterator[Quote]:
    yield from (figures.boot_s, figures.teardown_s)
    for site in figures.sites:
        yield from (site.network_gbps, site.egress_cap_gbps, site.usd_per_hour)
        yield from (site.disk_usd_per_gb_month, site.address_usd_per_hour)
    for link in figures.links:
        yield from (link.throughput_gbps, link.rtt_ms)
    yield from (tier.usd_per_gb for way in figures.egress for tier in way.tiers)
    for store in figures.stores:
        yield from (*store.usd_per_1000.values(), store.retrieval_usd_per_gb)
