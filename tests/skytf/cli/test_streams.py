from __future__ import annotations

import io
import os
import subprocess
import sys

from skytf.cli.streams import steady


def test_a_reader_that_went_away_stops_nothing() -> None:
    receiving, sending = os.pipe()
    os.close(receiving)
    stream = os.fdopen(sending, "w")
    steadied = steady(stream)

    steadied.write("x" * 100_000)
    steadied.flush()
    steadied.write("more")
    steadied.flush()

    stream.close()


def test_characters_that_the_encoding_lacks_become_escapes() -> None:
    raw = io.BytesIO()
    stream = steady(io.TextIOWrapper(raw, encoding="latin-1"))

    stream.write("✓ größe\udcff")
    stream.flush()

    assert raw.getvalue() == b"\\u2713 gr\xf6\xdfe\\udcff"


def test_a_command_whose_reader_left_ends_as_if_it_had_been_read() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.skytf.cli.fake", "cp", "a", "b", "--yes", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()

    _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert errors == b""
