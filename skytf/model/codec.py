"""Frozen dataclasses to reviewable JSON and back."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_WIDTH = 120
_INDENT = "  "
_MOST_ITEMS = _WIDTH // 3  # of a line: none is shorter than "1, "


def encode(value: Any) -> bytes:
    """
    Return *value* as JSON that is the same everywhere, and whose lines are what a person would call one change.

    Keys are sorted. What fits on a line of 120 characters stands on one, a link or a price; a list of such things has
    a line for each of them, so that one more is one line more. Ends in a newline.
    """
    return lay_out(msgspec.json.encode(value, order="sorted"))


def decode(text: bytes, kind: type[Value]) -> Value:
    """
    Return the *kind* that *text* holds.

    Raises:
        ValueError: *text* is no JSON, or not that of a *kind*; the message names the field.
    """
    # msgspec.ValidationError and DecodeError are ValueErrors; callers need not know the library.
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def lay_out(text: bytes) -> bytes:
    """Return the JSON *text* with the lines that `encode` makes; its keys stay in their order."""
    return (_broken(msgspec.json.decode(text), "") + "\n").encode()


def _laid_out(value: Any, indent: str, used: int) -> str:
    """Return *value*, before which *used* characters stand on its line: flat where that fits."""
    if not isinstance(value, dict | list) or not value:
        return _flat(value)
    flat = None if len(value) > _MOST_ITEMS or _has_rows(value) else _flat(value)
    return flat if flat is not None and used + len(flat) < _WIDTH else _broken(value, indent)


def _broken(value: Any, indent: str) -> str:
    deeper = indent + _INDENT
    if isinstance(value, dict) and value:
        heads = [f"{deeper}{_flat(key)}: " for key in value]
        parts = [head + _laid_out(one, deeper, len(head)) for head, one in zip(heads, value.values(), strict=True)]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _laid_out(one, deeper, len(deeper)) for one in value) + f"\n{indent}]"
    return _flat(value)


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _has_rows(value: Any) -> bool:
    """Whether a list of lists or objects is in *value*: each of its items has a line of its own."""
    if isinstance(value, dict):
        return any(_has_rows(one) for one in value.values())
    return isinstance(value, list) and any(isinstance(one, dict | list) and one for one in value)
