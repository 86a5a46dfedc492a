"""The rules that look at what Terraform will make, not at what it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from skytf.model.policy import Violation
from skytf.policy.facts import Facts, Planned, blocks
from skytf.policy.modules import Attribute
from skytf.policy.rules import Policy, matches

_EVERYBODY = frozenset({"0.0.0.0/0", "::/0", "*", "Internet", "Any"})
_ONLY_CREATED = ("create",)


def _offline(policy: Policy, facts: Facts) -> Iterator[Violation]:
    """What cannot be checked does not pass."""
    encryption = policy.encryption
    asked = {
        "encryption.disks": encryption is not None and encryption.disks is not None,
        "encryption.own_disk_key": encryption is not None and encryption.own_disk_key is not None,
        "open_to_internet": policy.open_to_internet == "forbidden",
        "public_addresses": policy.public_addresses == "forbidden",
        "resource_types": policy.resource_types is not None,
    }
    for rule, is_asked in asked.items() if facts.planned is None else ():
        if is_asked:
            yield Violation(rule, "plan.json", "planned offline", "a bundle that was planned online")


def _resource_types(policy: Policy, facts: Facts) -> Iterator[Violation]:
    modules = facts.modules()
    expected = {name for one in modules.values() for name in one.resource_types}
    for one in facts.planned or ():
        if one.type not in expected and not matches(one.type, policy.resource_types or []):
            allowed = f"those of the modules for {', '.join(modules)}"
            yield Violation(
                "resource_types", one.address, one.type, ", ".join([allowed, *(policy.resource_types or [])])
            )
        if one.actions != _ONLY_CREATED:
            yield Violation("actions", one.address, " and ".join(one.actions), "create")


def _instance_types(policy: Policy, facts: Facts) -> Iterator[Violation]:
    for cloud, module in facts.modules().items():
        allowed = (policy.allowed_instance_types or {}).get(cloud)
        for row, one in facts.planned_of(module.instances) if allowed is not None else ():
            name = one.after.get(row.attribute)
            if not isinstance(name, str) or not matches(name, allowed or []):
                found = name if isinstance(name, str) else "a type that is not known yet"
                yield Violation("allowed_instance_types", one.address, found, ", ".join(allowed or []))


def _disks(policy: Policy, facts: Facts) -> Iterator[Violation]:
    if policy.encryption is None:
        return
    for cloud, module in facts.modules().items():
        if not module.own_machine and not module.disks and facts.planned is not None:
            for rule in _asked(policy):
                yield Violation(rule, cloud, "nobody knows how its disks are encrypted", "required")
        for row, one in facts.planned_of(module.disks):
            disks = blocks(one, row.block)
            for rule in _asked(policy):
                attribute = row.encrypted if rule == "encryption.disks" else row.key
                said = [bool(attribute == "" or values.get(attribute) not in (None, False, "")) for values, _ in disks]
                if not disks or not all(said):
                    found = "a disk that is not encrypted" if rule == "encryption.disks" else "a disk without a key"
                    yield Violation(rule, one.address, found, "required")


def _asked(policy: Policy) -> list[str]:
    rules = policy.encryption
    named = ("disks", rules and rules.disks), ("own_disk_key", rules and rules.own_disk_key)
    return [f"encryption.{name}" for name, asked in named if asked]


def _public(policy: Policy, facts: Facts) -> Iterator[Violation]:
    if policy.public_addresses != "forbidden":
        return
    for module in facts.modules().values():
        for row, one in facts.planned_of(module.public):
            if _is_public(row, one):
                yield Violation("public_addresses", one.address, "a public address", "forbidden")


def _is_public(row: Attribute, one: Planned) -> bool:
    """What is not known yet may be one."""
    if not row.attribute:
        return True
    return any(
        bool(values.get(row.attribute)) or unknown.get(row.attribute) is True
        for values, unknown in blocks(one, row.block)
    )


def _inbound(policy: Policy, facts: Facts) -> Iterator[Violation]:
    """Addresses that are not known yet are those of the fleet's own gateways."""
    if policy.open_to_internet != "forbidden":
        return
    for module in facts.modules().values():
        for row, one in facts.planned_of(module.inbound):
            if not all(_holds(one, name, value) for name, value in row.when.items()):
                continue
            said = one.after.get(row.attribute)
            for value in said if isinstance(said, list) else [said]:
                if value in _EVERYBODY:
                    yield Violation("open_to_internet", one.address, f"open to {value}", "forbidden")


def _holds(one: Planned, name: str, value: str) -> bool:
    said = one.after.get(name)
    return bool(said) if value == "*" else said == value


RULES: tuple[Callable[[Policy, Facts], Iterable[Violation]], ...] = (
    _offline,
    _resource_types,
    _instance_types,
    _disks,
    _public,
    _inbound,
)
