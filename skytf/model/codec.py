"""Frozen dataclasses to reviewable JSON and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")


def encode(value: Any) -> bytes:
    """Return *value* as JSON that is the same everywhere: sorted keys, two-space indent, ends in a newline."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def decode(text: bytes, kind: type[Value]) -> Value:
    """
    Return the *kind* that *text* holds.

    Raises:
        ValueError: *text* is no JSON, or not that of a *kind*; the message names the field.
    """
    # msgspec.ValidationError and DecodeError are ValueErrors; callers need not know the library.
    return msgspec.json.decode(text, type=kind)
