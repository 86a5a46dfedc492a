"""
The listing that a bundle pins: which objects are moved, each in which version.

One line of JSON an object (key, suffix, size in bytes, version, modification time in seconds) or a name that was passed
over (key, reason), in the order of the keys, compressed with bzip2: its output, unlike zlib's, is the same bytes
whichever build of it a Python has. Written and read as a stream: memory holds the compressed listing (some 30 to 80
bytes an object, most of them its version) and the 8 MB of bzip2, never the objects.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

import msgspec

from gateway.shard import Entry
from gateway.stores.base import Skipped
from skytf.errors import InputError, Refused

PIN = "pin"  # the value of --source-drift that asks for one
FOLDER = "listing/"
# Some 500 MB compressed, which is as much as anybody puts beside a pull request.
MAX_OBJECTS = 10_000_000
MAX_NAMED = 20
_SUFFIX = ".jsonl.bz2"
# A line is an object, or a name that was passed over.
_OBJECT, _PASSED_OVER = 5, 2


def name_of(job_id: str) -> str:
    """Return the path of the listing of *job_id* in a bundle."""
    return f"{FOLDER}{job_id}{_SUFFIX}"


def job_of(name: str) -> str:
    """Return the job whose listing the file *name* of a bundle is."""
    return PurePosixPath(name).name.removesuffix(_SUFFIX)


class Pinning:
    """
    Takes a listing down as it comes.

    Args:
        url: What is listed, for an error.
        most: How many objects are pinned at most.
    """

    def __init__(self, url: str, *, most: int = MAX_OBJECTS) -> None:
        self._url = url
        self._most = most
        self._objects = 0
        self._compressor = _bz2().BZ2Compressor()
        self._made = io.BytesIO()

    def entry(self, entry: Entry) -> None:
        """
        Pin one object.

        Raises:
            InputError: There are more than a bundle can hold.
        """
        self._objects += 1
        if self._objects > self._most:
            raise InputError(
                f"{self._url} holds more than {self._most:,} objects, and no more are pinned",
                hint="copy it in parts, or take --source-drift refuse, which keeps a fingerprint and no listing",
            )
        self._write((entry.key, entry.suffix, entry.size_bytes, entry.version, entry.mtime_s))

    def skipped(self, name: Skipped) -> None:
        """Remember a name that was passed over."""
        self._write((name.key, name.reason))

    def content(self) -> bytes:
        """Return the file; nothing more is taken then."""
        self._made.write(self._compressor.flush())
        return self._made.getvalue()

    def _write(self, row: tuple[object, ...]) -> None:
        self._made.write(self._compressor.compress(msgspec.json.encode(row) + b"\n"))


def pinned(content: bytes, *, on_skip: Callable[[Skipped], None] | None = None) -> Iterator[Entry]:
    """
    Yield the objects of the listing *content*, in order; *on_skip* hears of the names that were passed over.

    Raises:
        Refused: It is no listing.
    """
    with _bz2().BZ2File(io.BytesIO(content)) as file:
        for row in _rows(file):
            if len(row) == _OBJECT:
                yield Entry(*row)
            elif on_skip is not None:
                on_skip(Skipped(*row))


def _rows(file: Iterable[bytes]) -> Iterator[list[Any]]:
    try:
        for line in file:
            row = msgspec.json.decode(line, type=list[Any])
            if len(row) not in (_OBJECT, _PASSED_OVER) or not isinstance(row[0], str):
                raise ValueError(f"a line is no object: {line[:80]!r}")
            yield row
    except (EOFError, OSError, ValueError, RecursionError) as error:
        raise Refused(f"a pinned listing is broken: {error}", hint="plan again") from error


@dataclass(slots=True)
class Moved:
    """How a source has left its pinned listing; the lists hold the first `MAX_NAMED` keys, the counts count all."""

    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    changed_count: int = 0
    gone_count: int = 0
    new_count: int = 0

    def is_changed(self, key: str) -> None:
        """Note that *key* has another version or size."""
        self.changed_count += 1
        _keep(self.changed, key)

    def is_gone(self, key: str) -> None:
        """Note that *key* was pinned and is not there."""
        self.gone_count += 1
        _keep(self.gone, key)

    def is_new(self, key: str) -> None:
        """Note that *key* is there and was not pinned."""
        self.new_count += 1
        _keep(self.new, key)


def compare(then: Iterable[Entry], now: Iterable[Entry]) -> Moved:
    """Return how *now* differs from *then*; both are in key order and are walked side by side."""
    found = Moved()
    there = iter(now)
    current = next(there, None)
    for one in then:
        while current is not None and current.key < one.key:
            found.is_new(current.key)
            current = next(there, None)
        if current is None or current.key != one.key:
            found.is_gone(one.key)
            continue
        if (current.size_bytes, current.version) != (one.size_bytes, one.version):
            found.is_changed(one.key)
        current = next(there, None)
    while current is not None:
        found.is_new(current.key)
        current = next(there, None)
    return found


def _bz2() -> ModuleType:
    try:
        return importlib.import_module("bz2")
    except ImportError as error:  # a Python that was built on a machine without libbz2
        raise InputError(
            "a listing cannot be pinned or read: this Python has no bz2", hint="run skytf with another Python"
        ) from error


def _keep(keys: list[str], key: str) -> None:
    if len(keys) < MAX_NAMED:
        keys.append(key)
