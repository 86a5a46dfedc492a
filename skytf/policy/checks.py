"""Hold the facts of a bundle against the rules of a policy; `policy/skytf.rego` says the same in Rego. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network

from skytf.model.policy import Violation
from skytf.model.span import Span
from skytf.policy.facts import Facts, place, travels
from skytf.policy.resources import RULES as PLANNED_RULES
from skytf.policy.rules import Policy, UsdLimit, limits, matches

Rule = Callable[[Policy, Facts], Iterable[Violation]]
_GB = 10**9
_NAMED = 3
# A float has no more.
_MOST_DIGITS = 17


def check(policy: Policy, facts: Facts) -> tuple[Violation, ...]:
    """Return every rule of *policy* that the bundle of *facts* breaks, each once, sorted by rule and place."""
    found = {one for rule in RULES for one in rule(policy, facts)}
    return tuple(sorted(found, key=lambda one: (one.rule, one.where, one.found)))


def _cost(policy: Policy, facts: Facts) -> Iterator[Violation]:
    cost = facts.topology.cost
    total = Span() if cost is None else cost.total_usd
    yield from _usd("max_usd", "", total, policy.max_usd, policy, missing=_missing(facts))
    for share in () if cost is None else cost.shares:
        yield from _usd("max_usd_per_destination", share.url, share.usd, policy.max_usd_per_destination, policy)
    if cost is None or not cost.shares:
        yield from _usd("max_usd_per_destination", "", Span(), policy.max_usd_per_destination, policy)
    jobs = {one.job_id: len(one.destinations) for one in facts.request.jobs}
    delivered = sum(one.bytes * jobs[one.job_id] for one in facts.surveys)
    if delivered:
        yield from _usd("max_usd_per_gb", "", _per_gb(total, delivered), policy.max_usd_per_gb, policy)


def _per_gb(total: Span, delivered: int) -> Span:
    """Multiply first: 0.10 USD for 10 GB is 0.01 and no more, as a share times an amount would not be."""
    likely, high = (None if one is None else one * _GB / delivered for one in (total.likely, total.high))
    return Span(total.low * _GB / delivered, likely, high)


def _missing(facts: Facts) -> str:
    unknown = () if facts.topology.cost is None else facts.topology.cost.unknown
    more = f"; and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    return f": {'; '.join(unknown[:_NAMED])}{more}" if unknown else ""


def _usd(
    rule: str, where: str, found: Span, allowed: UsdLimit | None, policy: Policy, *, missing: str = ""
) -> Iterator[Violation]:
    """With unknown costs allowed, what is known already (the low) still counts."""
    for name, most in limits(allowed) if allowed else ():
        value = {"low": found.low, "likely": found.likely, "high": found.high}[name]
        if value is None and policy.allow_unknown_cost:
            value = found.low
        if value is None or value > most:
            text = f"unknown ({name}){missing}" if value is None else f"{_above(value, most, 4)} USD ({name})"
            yield Violation(rule, where, text, f"at most {_as_written(most)} USD ({name})")


def _as_written(limit: float) -> str:
    """Return *limit* with every digit that its policy gave it."""
    return f"{limit:,}".removesuffix(".0")


def _above(value: float, limit: float, digits: int) -> str:
    """Return *value*, which is above *limit*, with *digits* after the point, or as many more as show that it is."""
    while digits < _MOST_DIGITS and round(value, digits) <= limit:
        digits += 1
    return f"{value:,.{digits}f}"


def _instances(policy: Policy, facts: Facts) -> Iterator[Violation]:
    total, most = len(facts.topology.gateways), policy.max_instances
    if most is not None and total > most:
        yield Violation("max_instances", "", str(total), f"at most {most}")
    most = policy.max_instances_per_region
    for region, number in Counter(str(one.region) for one in facts.topology.gateways).items():
        if most is not None and number > most:
            yield Violation("max_instances_per_region", region, str(number), f"at most {most}")


def _volume(policy: Policy, facts: Facts) -> Iterator[Violation]:
    hours, size = facts.request.ttl_minutes / 60, sum(one.bytes for one in facts.surveys)
    if policy.max_hours is not None and hours > policy.max_hours:
        most_text = f"at most {_as_written(policy.max_hours)} hours"
        yield Violation("max_hours", "", f"{_above(hours, policy.max_hours, 2)} hours", most_text)
    if policy.max_bytes is not None and size > policy.max_bytes:
        yield Violation("max_bytes", "", f"{size:,} bytes", f"at most {policy.max_bytes:,} bytes")


def _regions(policy: Policy, facts: Facts) -> Iterator[Violation]:
    for region in map(str, facts.topology.regions()):
        if policy.allowed_regions is not None and not matches(region, policy.allowed_regions):
            yield Violation("allowed_regions", region, region, ", ".join(policy.allowed_regions))
        if policy.forbidden_regions is not None and matches(region, policy.forbidden_regions):
            yield Violation("forbidden_regions", region, region, f"none of {', '.join(policy.forbidden_regions)}")


def _instance_types(policy: Policy, facts: Facts) -> Iterator[Violation]:
    """Any of a site's types may be taken, where those before it are sold out."""
    for site in facts.sites_in_clouds():
        allowed = (policy.allowed_instance_types or {}).get(site.region.cloud)
        for one in site.instance_types if allowed is not None else ():
            if not matches(one, allowed or []):
                yield Violation("allowed_instance_types", str(site.region), one, ", ".join(allowed or []))


def _tags(policy: Policy, facts: Facts) -> Iterator[Violation]:
    tags = dict(facts.request.tags)
    for key, glob in (policy.required_tags or {}).items():
        if key not in tags or not matches(tags[key], [glob]):
            found = f"{key}={tags[key]}" if key in tags else f"no tag {key}"
            yield Violation("required_tags", key, found, f"{key}={glob}")


def _sites(policy: Policy, facts: Facts) -> Iterator[Violation]:
    modules = facts.modules()
    for site in facts.sites_in_clouds():
        where = str(site.region)
        if policy.public_addresses == "forbidden" and site.public_addresses:
            yield Violation("public_addresses", where, "gateways with public addresses", "forbidden")
        if policy.spot in ("required", "forbidden") and site.spot is not (policy.spot == "required"):
            yield Violation("spot", where, "spot" if site.spot else "no spot", policy.spot)
        if policy.encryption is None:
            continue
        if policy.encryption.own_disk_key and not site.disk_key:
            yield Violation("encryption.own_disk_key", where, "no key is named for the disks", "required")
        has_keys = modules[site.region.cloud].store_keys
        if policy.encryption.own_store_key and has_keys and where in facts.without_store_key():
            yield Violation("encryption.own_store_key", where, "no key is named for the objects", "required")


def _ends(policy: Policy, facts: Facts) -> Iterator[Violation]:
    for job in facts.request.jobs:
        source, allowed = place(job, job.source), policy.allowed_sources
        if allowed is not None and not matches(source, allowed):
            yield Violation("allowed_sources", source, source, ", ".join(allowed))
        for target in (place(job, one) for one in job.destinations):
            allowed, forbidden = policy.allowed_destinations, policy.forbidden_destinations
            if allowed is not None and not matches(target, allowed):
                yield Violation("allowed_destinations", target, target, ", ".join(allowed))
            if forbidden is not None and matches(target, forbidden):
                yield Violation("forbidden_destinations", target, target, f"none of {', '.join(forbidden)}")
        if policy.gateway_credentials == "identity":
            for end in (job.source, *job.destinations):
                if travels(end):
                    text = f"keys travel to {end.region}"
                    yield Violation("gateway_credentials", place(job, end), text, "identity")


def _operator(policy: Policy, facts: Facts) -> Iterator[Violation]:
    """The operator's address is no part of a bundle; where it is not named, one address is asked for."""
    if policy.operator_prefix is None or not facts.operator_cidr or not facts.sites_in_clouds():
        return
    prefix = IPv4Network(facts.operator_cidr, strict=False).prefixlen  # also of 10.0.0.0/255.0.0.0
    if prefix < policy.operator_prefix:
        found = f"SSH is open to {facts.operator_cidr}"
        yield Violation("operator_prefix", "", found, f"/{policy.operator_prefix} or narrower")


RULES: tuple[Rule, ...] = (
    _cost,
    _instances,
    _volume,
    _regions,
    _instance_types,
    _tags,
    _sites,
    _ends,
    _operator,
    *PLANNED_RULES,
)


def not_checked(policy: Policy, facts: Facts) -> tuple[str, ...]:
    """Return in words what nobody could look at; a rule of *policy* itself that could not be checked is broken."""
    notes = []
    if facts.planned is None and policy.resource_types is None:
        notes.append("planned offline: which resources Terraform makes was not checked")
    if policy.operator_prefix is not None and facts.operator_cidr is None and facts.sites_in_clouds():
        notes.append("operator_prefix is checked where the fleet is created: apply-transfer --policy")
    return tuple(notes)
