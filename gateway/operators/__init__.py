"""The table of operators: what a step's ``op`` names, imported on use."""

from __future__ import annotations

OPERATORS: dict[str, str] = {
    "discard": "gateway.operators.discard:Discard",
    "gen_data": "gateway.operators.gen_data:GenData",
    "mux_and": "gateway.operators.mux_and:MuxAnd",
    "mux_or": "gateway.operators.mux_or:MuxOr",
    "read_local": "gateway.operators.read:Read",
    "read_object_store": "gateway.operators.read:Read",
    "receive": "gateway.operators.receive:Receive",
    "send": "gateway.operators.send:Send",
    "write_local": "gateway.operators.write:Write",
    "write_object_store": "gateway.operators.write:Write",
}
