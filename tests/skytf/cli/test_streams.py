from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_help_whose_reader_left_ends_as_if_it_had_been_read() -> None:
    receiving, sending = os.pipe()
    os.close(receiving)

    ended = subprocess.run(
        [sys.executable, "-m", "skytf", "--help"], stdout=sending, stderr=subprocess.PIPE, check=False
    )
    os.close(sending)

    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_the_caller_closed_are_no_error(tmp_path: Path, closed: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m skytf transfers --home "$1" {closed}', sys.executable, str(tmp_path)],
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_without_a_standard_input_nobody_can_be_asked(tmp_path: Path) -> None:
    command = 'exec "$0" -m skytf cp a b --home "$1" <&-'

    ended = subprocess.run(
        ["sh", "-c", command, sys.executable, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "nobody to ask here" in ended.stderr
