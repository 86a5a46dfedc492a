"""Sizes and rates: parse what people write, format what they read."""

from __future__ import annotations

import re

from gateway.errors import UsageError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_BINARY = {"KIB": KIB, "MIB": MIB, "GIB": GIB, "TIB": TIB, "PIB": 1 << 50, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
_DECIMAL = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def parse_size_bytes(text: str) -> int:
    """
    Return the bytes that *text* means: ``64MiB`` and ``64M`` are binary, ``500GB`` is decimal.

    Raises:
        UsageError: *text* is no size.
    """
    match = _SIZE.fullmatch(text)
    factor = None if match is None else {**_BINARY, **_DECIMAL}.get(match[2].upper())
    if match is None or factor is None:
        raise UsageError(f"{text!r} is not a size", hint="write for example 64MiB, 500GB or a number of bytes")
    return int(float(match[1]) * factor) if "." in match[1] else int(match[1]) * factor


def format_bytes(size_bytes: int) -> str:
    """Return *size_bytes* with a binary unit and at most one decimal: ``1.5 MiB``."""
    for unit, factor in (("PiB", 1 << 50), ("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


def format_rate(bytes_per_s: float) -> str:
    """Return *bytes_per_s* as goodput in Gbit/s or Mbit/s (decimal, as networks are sold)."""
    bits = bytes_per_s * 8
    return f"{bits / 1e9:.2f} Gbit/s" if bits >= 1e9 else f"{bits / 1e6:.1f} Mbit/s"
