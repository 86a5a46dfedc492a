"""Text that is safe to print, and durations as people read them."""

from __future__ import annotations

import unicodedata

# A joiner shapes letters in Persian and Indic scripts and in emoji, and harms no terminal.
_JOINERS = "\u200c\u200d"
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe(text: str) -> str:
    """
    Return *text* with every character that could move the cursor, hide or reorder text written as an escape.

    These are control and format characters, line separators, and bytes of names that are not UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def safe_lines(text: str) -> str:
    """Return *text* like `safe` does, but keep its lines."""
    return "\n".join(safe(line.expandtabs()) for line in text.splitlines())


def format_duration(seconds: float) -> str:
    """Return *seconds* as ``0.8 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    """Return *number* of *noun*: ``1 object``, ``4,012 objects``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL or character in _JOINERS:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode hands it over
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
