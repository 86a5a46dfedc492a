"""Sizes as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UsageError
from gateway.units import GIB, MIB, TIB, format_bytes, format_rate, parse_size_bytes


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("17", 17),
        ("17B", 17),
        ("64MiB", 64 * MIB),
        (" 64 m ", 64 * MIB),
        ("1TiB", TIB),
        ("500GB", 500 * 10**9),
        ("1.5GiB", GIB * 3 // 2),
        ("2k", 2048),
        ("2kB", 2000),
        (f"{10**16 + 1}", 10**16 + 1),
    ],
)
def test_a_size_is_understood(text: str, size_bytes: int) -> None:
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1e6", "1 MiB 2", "64XB", "1..5M", "٣x"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size") as caught:
        parse_size_bytes(text)

    assert "64MiB" in caught.value.hint


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (MIB * 3 // 2, "1.5 MiB"), (TIB, "1.0 TiB")],
)
def test_a_size_is_written_with_a_binary_unit(size_bytes: int, text: str) -> None:
    assert format_bytes(size_bytes) == text


@given(st.integers(0, 1 << 60))
def test_what_is_written_is_near_what_was_meant(size_bytes: int) -> None:
    assert abs(parse_size_bytes(format_bytes(size_bytes)) - size_bytes) <= size_bytes * 0.06


@pytest.mark.parametrize(
    ("bytes_per_s", "text"), [(0.0, "0.0 Mbit/s"), (125e6, "1.00 Gbit/s"), (12.5e6, "100.0 Mbit/s")]
)
def test_a_rate_is_written_as_networks_are_sold(bytes_per_s: float, text: str) -> None:
    assert format_rate(bytes_per_s) == text
