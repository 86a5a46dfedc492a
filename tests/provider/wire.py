"""Values and schemas on Terraform's plugin protocol, version 6."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import msgpack
from tf.gen import tfplugin_pb2 as pb

from tests.provider.tables import Attribute, Block, Nested

UNKNOWN = msgpack.ExtType(0, b"\x00")
_NESTING = {"single": "SINGLE", "list": "LIST", "set": "SET", "map": "MAP"}


def is_unknown(value: object) -> TypeGuard[msgpack.ExtType]:
    """Return whether *value* is known only after apply, with or without something said about it (a refinement)."""
    return isinstance(value, msgpack.ExtType)


def decode(value: pb.DynamicValue) -> Any:
    """Return what Terraform sent: None for null, `is_unknown` for what is known after apply."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def encode(value: Any) -> pb.DynamicValue:
    """Return *value* as Terraform reads it."""
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def error(summary: str, detail: str = "") -> pb.Diagnostic:
    """Return what Terraform shows as an error."""
    return pb.Diagnostic(severity=pb.Diagnostic.Severity.ERROR, summary=summary, detail=detail)


def attribute_path(name: str) -> pb.AttributePath:
    """Return where the attribute *name* of a resource is."""
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])


def schema(block: Block) -> pb.Schema:
    """Return *block* as the schema of a provider, resource or data source."""
    return pb.Schema(version=0, block=_block(block))


def schemas(blocks: Mapping[str, Block]) -> dict[str, pb.Schema]:
    """Return all *blocks* as schemas."""
    return {kind: schema(block) for kind, block in blocks.items()}


def _block(block: Block) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[_attribute(name, one) for name, one in block.attributes.items()],
        block_types=[_nested(name, one) for name, one in block.blocks.items()],
    )


def _attribute(name: str, one: Attribute) -> pb.Schema.Attribute:
    return pb.Schema.Attribute(
        name=name,
        type=json.dumps(one.type).encode(),
        required=one.required,
        optional=one.optional,
        computed=one.computed,
        sensitive=one.sensitive,
        deprecated=one.deprecated,
    )


def _nested(name: str, one: Nested) -> pb.Schema.NestedBlock:
    return pb.Schema.NestedBlock(
        type_name=name,
        nesting=pb.Schema.NestedBlock.NestingMode.Value(_NESTING[one.nesting]),
        min_items=one.least if one.nesting in ("list", "set") else 0,
        max_items=one.most if one.nesting in ("list", "set") else 0,
        block=_block(one.block),
    )
