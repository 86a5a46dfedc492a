"""
The schemas of the real providers as compact tables: what an argument is called, and what may be written there.

``python -m tests.provider.tables DIRECTORY`` makes them anew from ``<name>.json`` files in DIRECTORY, each with the
keys ``provider`` (its address), ``version`` and ``schema``: what ``terraform providers schema -json`` prints of it.
An attribute is ``[flags, type]``, the type in Terraform's own JSON notation; a block is ``[nesting, min, max, block]``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent / "schemas"
NAMES = ("aws", "google", "azurerm", "ibm")

_FLAGS = {"r": "required", "o": "optional", "c": "computed", "s": "sensitive", "d": "deprecated"}
_SECTIONS = ("resource_schemas", "data_source_schemas")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An argument or a result; ``type`` is in Terraform's JSON notation, such as ``["list", "string"]``."""

    type: Any
    required: bool
    optional: bool
    computed: bool
    sensitive: bool
    deprecated: bool


@dataclass(frozen=True, slots=True)
class Nested:
    """A nested block; ``nesting`` is ``single``, ``list``, ``set`` or ``map``, ``most`` 0 for any number."""

    nesting: str
    least: int
    most: int
    block: Block


@dataclass(frozen=True, slots=True)
class Block:
    """What may stand in a block."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, Nested]


@dataclass(frozen=True, slots=True)
class Table:
    """One provider: its address and version, its own arguments, and what it knows, by type."""

    address: str
    version: str
    provider: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]


@cache
def load(name: str) -> Table:
    """Return the table of the provider *name*."""
    raw = json.loads((DIRECTORY / f"{name}.json").read_text())
    resources, data_sources = (
        {kind: _block(block) for kind, block in raw[section].items()} for section in ("resources", "data_sources")
    )
    return Table(raw["address"], raw["version"], _block(raw["provider"]), resources, data_sources)


def _block(raw: Mapping[str, Any]) -> Block:
    return Block(
        {
            name: Attribute(kind, *(letter in flags for letter in _FLAGS))
            for name, (flags, kind) in raw.get("a", {}).items()
        },
        {
            name: Nested(nesting, least, most, _block(block))
            for name, (nesting, least, most, block) in raw.get("b", {}).items()
        },
    )


def make(source: Path) -> None:
    """Write the tables anew from the providers' own words in *source*."""
    for name in NAMES:
        words = json.loads((source / f"{name}.json").read_text())
        (DIRECTORY / f"{name}.json").write_text("\n".join(_lines(words)) + "\n")


def _lines(words: Mapping[str, Any]) -> Iterator[str]:
    """Yield a JSON document with one line for each resource, so that differences can be read."""
    schema = words["schema"]
    yield f'{{"address": {json.dumps(words["provider"])}, "version": {json.dumps(words["version"])},'
    yield f'"provider": {_compact(_cut(schema["provider"]["block"]))},'
    for section, title in zip(_SECTIONS, ("resources", "data_sources"), strict=True):
        yield f'"{title}": {{'
        entries = [f'"{kind}": {_compact(_cut(one["block"]))}' for kind, one in sorted(schema[section].items())]
        yield from (entry + "," for entry in entries[:-1])
        yield entries[-1]
        yield "}," if section == _SECTIONS[0] else "}}"


def _cut(block: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        name: ["".join(letter for letter, key in _FLAGS.items() if one.get(key)), one["type"]]
        for name, one in sorted(block.get("attributes", {}).items())
    }
    blocks = {
        name: [one["nesting_mode"], one.get("min_items", 0), one.get("max_items", 0), _cut(one["block"])]
        for name, one in sorted(block.get("block_types", {}).items())
    }
    return ({"a": attributes} if attributes else {}) | ({"b": blocks} if blocks else {})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
