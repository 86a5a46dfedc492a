"""What would stand in the accounts: gateways, their settings, Terraform's resources, modules and providers."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from skytf.bundle import INFRA, LOCK_FILE
from skytf.difference.facts import Fact, Side, changes, in_both
from skytf.model.difference import INFRASTRUCTURE, Change
from skytf.model.region import Region
from skytf.render.words import count, listed
from skytf.sites import settings

# How a reviewer calls the settings of a site. Ports and public addresses are told as exposure.
_SETTINGS = {
    "instance_types": "instance types",
    "arch": "architecture",
    "spot": "spot",
    "zones": "zones",
    "disk_gib": "disk in GiB",
    "disk_kms_key": "key of the disks",
    "store_kms_keys": "keys of the objects",
    "image": "image",
    "existing_network": "network",
    "identity": "identity",
    "permissions_boundary": "permissions boundary",
    "facts": "facts of the account",
}
_MODULES = f"{INFRA}modules/"
_LOCKED = re.compile(rb'^provider "([^"]+)" \{\s+version\s+= "([^"]+)"', re.MULTILINE)
_NONE = "none"


def infrastructure(old: Side, new: Side) -> Iterator[Change]:
    """Yield what would stand there that did not before, or otherwise."""
    yield from changes(INFRASTRUCTURE, _gateways(old), _gateways(new))
    yield from _settings(old, new)
    yield from changes(INFRASTRUCTURE, *(_tags(one) for one in (old, new)))
    if old.review.made is not None and new.review.made is not None:
        yield from changes(INFRASTRUCTURE, _resources(old, new), _resources(new, old))
        yield from _values(old, new)
    yield from changes(INFRASTRUCTURE, *in_both(_providers(old), _providers(new)))
    yield from _files(old, new)


def _gateways(side: Side) -> dict[str, Fact]:
    return {f"gateways in {one.region}": Fact(f"{one.gateways:,}") for one in side.review.sites}


def _tags(side: Side) -> dict[str, Fact]:
    return {"tags": Fact(items=tuple(f"{key}={value}" for key, value in side.review.tags))}


def _settings(old: Side, new: Side) -> Iterator[Change]:
    """Yield settings of sites that both have; what became the same in several sites is one change."""
    shared = [region for region in old.regions if region in new.regions]
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, words in _SETTINGS.items():
        for region in shared:
            before, after = (_setting(side, region, name) for side in (old, new))
            if before != after:
                found[words, before, after].append(str(region))
    for (words, before, after), regions in found.items():
        yield Change(INFRASTRUCTURE, f"{words} in {listed(regions)}", before, after)


def _setting(side: Side, region: Region, name: str) -> str:
    chosen = settings(side.manifest.request, region)
    # This machine has no instance types, and nothing else to choose.
    return _words(asdict(chosen)[name]) if chosen.instance_types else ""


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        value = [f"{name}={text}" for name, text in sorted(value.items())]
    if isinstance(value, list | tuple):
        value = ", ".join(value)
    return str(value) or _NONE


def _resources(side: Side, other: Side) -> dict[str, Fact]:
    """Return what Terraform does by module; of a module that *other* lacks only how much."""
    by_module: dict[str, list[str]] = defaultdict(list)
    numbers: dict[str, int] = defaultdict(int)
    for one in side.review.made or ():
        by_module[one.module].append(f"{one.count} {one.resource_type}{_unless_created(one.action)}")
        numbers[one.module] += one.count
    there = {one.module for one in other.review.made or ()}
    return {
        f"resources of {module or 'the root module'}": Fact(items=tuple(texts))
        if module in there
        else Fact(f"{count(numbers[module], 'resource')} of {count(len(texts), 'type')}")
        for module, texts in sorted(by_module.items())
    }


def _unless_created(action: str) -> str:
    return "" if action == "create" else f" ({action})"


def _values(old: Side, new: Side) -> Iterator[Change]:
    """Tell by type which arguments have other values in resources that both have."""
    before, after = _planned(old), _planned(new)
    names: dict[str, set[str]] = defaultdict(set)
    for address in before.keys() & after.keys():
        (kind, values), (_, others) = before[address], after[address]
        names[kind] |= {name for name in values.keys() | others.keys() if values.get(name) != others.get(name)}
    for kind, found in sorted(names.items()):
        if found:
            yield Change(INFRASTRUCTURE, f"arguments of {kind} that changed", "", listed(sorted(found)))


def _planned(side: Side) -> dict[str, tuple[str, Mapping[str, Any]]]:
    plan = json.loads(side.bundle.plan_json or b"{}")
    return {
        str(one["address"]): (str(one["type"]), one["change"].get("after") or {})
        for one in plan.get("resource_changes") or ()
        if one.get("mode") == "managed"
    }


def _providers(side: Side) -> dict[str, Fact]:
    locked = _LOCKED.findall(side.bundle.files.get(LOCK_FILE, b""))
    return {
        f"version of provider {name.decode().partition('/')[2]}": Fact(version.decode()) for name, version in locked
    }


def _files(old: Side, new: Side) -> Iterator[Change]:
    """Tell of Terraform files that say something else though the sites, or the whole fleet, are as they were."""
    before, after = (_terraform(side) for side in (old, new))
    same_fleet = (old.bundle.topology.gateways, old.bundle.topology.links) == (
        new.bundle.topology.gateways,
        new.bundle.topology.links,
    )
    for folder in sorted(before.keys() & after.keys()):
        if folder == INFRA and not same_fleet:
            continue
        names = before[folder].keys() | after[folder].keys()
        changed = sorted(name for name in names if before[folder].get(name) != after[folder].get(name))
        if changed:
            what = "root module" if folder == INFRA else f"module {folder.removeprefix(_MODULES).strip('/')}"
            yield Change(INFRASTRUCTURE, f"files of the {what} that changed", "", listed(changed))


def _terraform(side: Side) -> dict[str, dict[str, bytes]]:
    """Return folder → name → content of the root module's own files and of each module; values stand elsewhere."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path, content in side.bundle.files.items():
        if path.startswith(_MODULES):
            module = _MODULES + path.removeprefix(_MODULES).partition("/")[0] + "/"
            found[module][path.removeprefix(module)] = content
        elif path.startswith(INFRA) and path.endswith(".tf"):
            found[INFRA][path.removeprefix(INFRA)] = content
    return found
