from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skytf.cli.text import count, format_duration, safe, safe_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.txt", "plain name.txt"),
        ("größe 文件 %20", "größe 文件 %20"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"),
        ("\x9b2J", "\\x9b2J"),
        ("invoice\u202egpj.exe", "invoice\\u202egpj.exe"),
        ("line\u2028break", "line\\u2028break"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    ],
)
def test_a_name_is_shown_without_what_harms_a_terminal(text: str, shown: str) -> None:
    assert safe(text) == shown


@settings(deadline=None)  # a busy machine is no reason to fail
@given(st.text())
def test_safe_text_is_one_printable_line_in_utf_8(text: str) -> None:
    shown = safe(text)

    assert len((shown + "x").splitlines()) == 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    shown.encode()


def test_safe_lines_keep_their_lines() -> None:
    assert safe_lines("a\x1b\n\tb\n") == "a\\x1b\n        b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (12.34, "12.3 s"), (99.97, "1 min 40 s"), (125, "2 min 05 s"), (6_000, "1 h 40 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_counts_have_their_plural() -> None:
    assert [count(1, "object"), count(4012, "object")] == ["1 object", "4,012 objects"]
