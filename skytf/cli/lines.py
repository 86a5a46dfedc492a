"""JSON Lines: every result and everything that happens as one object per line. docs/cli.md lists the fields."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping
from typing import Any, TextIO


class Lines:
    """
    Writes JSON Lines to *stream*, each whole, each flushed; safe to call from several threads.

    The output is ASCII: no name of an object can do anything to a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, kind: str, value: object) -> None:
        """Write *value*, a dataclass or a mapping, as one line of *kind*."""
        line = line_of(kind, value)
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


def line_of(kind: str, value: object) -> str:
    """Return the line for *value*, a dataclass or a mapping."""
    fields = value if isinstance(value, Mapping) else fields_of(value)
    return json.dumps({"kind": kind, **fields}) + "\n"


def fields_of(value: object) -> dict[str, Any]:
    """Return the fields of a dataclass, nested ones too."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"not a dataclass: {type(value).__name__}")
    return dataclasses.asdict(value)
