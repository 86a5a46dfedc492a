"""What a plan leaves open and what an apply fills in, by the schema alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any

from tests.provider.tables import Block, Nested
from tests.provider.wire import UNKNOWN, is_unknown

Values = dict[str, Any]
Path = tuple[str, ...]
# Called with the path of an attribute (blocks by name, without indexes) and its type.
Invent = Callable[[Path, Any], Any]

# Blocks that a provider adds where nobody wrote them; a schema does not tell.
ADDED_BLOCKS: dict[str, set[Path]] = {
    "ibm_is_instance": {("primary_network_interface", "primary_ip"), ("network_interfaces", "primary_ip")},
    "ibm_is_virtual_network_interface": {("primary_ip",)},
}
# Arguments that the real providers cannot change in place, of what a fleet is made of; a schema does not tell either.
FORCES_NEW: dict[str, set[str]] = {
    "aws_instance": {"ami", "associate_public_ip_address", "availability_zone", "subnet_id"},
    "aws_subnet": {"availability_zone", "cidr_block", "vpc_id"},
    "azurerm_linux_virtual_machine": {"custom_data", "location", "name", "resource_group_name", "zone"},
    "azurerm_public_ip": {"location", "name", "resource_group_name", "zones"},
    "google_compute_instance": {"name", "project", "zone"},
    "google_compute_subnetwork": {"name", "network", "project", "region"},
    "ibm_is_instance": {"image", "user_data", "vpc", "zone"},
    "ibm_is_subnet": {"vpc", "zone"},
}


def forced_new(kind: str, prior: Values | None, wanted: Values | None) -> list[str]:
    """Return the arguments for whose sake a resource must be made anew; what is not known yet may be another value."""
    if prior is None or wanted is None:
        return []
    names = set(FORCES_NEW.get(kind, ()))
    if wanted.get("user_data_replace_on_change"):
        names |= {"user_data", "user_data_base64"}
    return sorted(name for name in names if wanted.get(name) != prior.get(name))


def planned(kind: str, block: Block, proposed: Any, prior: Any = None, path: Path = ()) -> Any:
    """Return *proposed*, after *prior*, with every computed attribute that has no value marked as known after apply."""
    if proposed is None or is_unknown(proposed):
        return proposed
    out: Values = dict(proposed)
    for name, attribute in block.attributes.items():
        if attribute.computed and out.get(name) is None:
            out[name] = UNKNOWN
    for name, nested in block.blocks.items():
        inner, before = (*path, name), (prior or {}).get(name)
        if inner in ADDED_BLOCKS.get(kind, ()) and not out.get(name):
            out[name] = before or [planned(kind, nested.block, _empty(nested.block), None, inner)]
        elif nested.nesting == "list" and isinstance(out.get(name), list):
            pairs = zip_longest(out[name], (before or [])[: len(out[name])])
            out[name] = [planned(kind, nested.block, one, old, inner) for one, old in pairs]
        else:
            out[name] = _each(nested, out.get(name), _planner(kind, nested, inner))
    return out


def _planner(kind: str, nested: Nested, path: Path) -> Callable[[Any], Any]:
    return lambda one: planned(kind, nested.block, one, None, path)


def filled(block: Block, values: Any, invent: Invent, path: Path = ()) -> Any:
    """Return *values* with everything that was to be known after apply."""
    if values is None or is_unknown(values):
        return None
    out: Values = {}
    for name, value in values.items():
        inner = (*path, name)
        if name in block.attributes:
            out[name] = invent(inner, block.attributes[name].type) if is_unknown(value) else value
        else:
            nested = block.blocks[name]
            out[name] = _each(nested, value, _filler(nested, invent, inner))
    return out


def _filler(nested: Nested, invent: Invent, path: Path) -> Callable[[Any], Any]:
    return lambda one: filled(nested.block, one, invent, path)


def _each(nested: Nested, value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [change(one) for one in value]
    if isinstance(value, dict):
        return change(value) if nested.nesting == "single" else {key: change(one) for key, one in value.items()}
    return value


def _empty(block: Block) -> Values:
    blocks: Values = {name: None if one.nesting == "single" else [] for name, one in block.blocks.items()}
    return {**dict.fromkeys(block.attributes), **blocks}


def conformed(block: Block, values: Values) -> Values:
    """Return *values* with exactly the attributes and blocks of *block*, so that Terraform can read them."""
    out: Values = {name: _typed(one.type, values.get(name)) for name, one in block.attributes.items()}
    for name, nested in block.blocks.items():
        value = values.get(name)
        if value is None:
            value = {"single": None, "map": {}}.get(nested.nesting, [])
        out[name] = _each(nested, value, partial(conformed, nested.block))
    return out


def _typed(kind: Any, value: Any) -> Any:
    """Return *value* with exactly the keys of each object type in *kind*."""
    if value is None or is_unknown(value) or not isinstance(kind, list):
        return value
    form, of = kind
    if form == "object":
        return {key: _typed(inner, value.get(key)) for key, inner in of.items()}
    if form == "map":
        return {key: _typed(of, one) for key, one in value.items()}
    return [_typed(of, one) for one in value]
