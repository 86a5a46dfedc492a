"""Is everything there? Compare what should have arrived with what the destination lists, or read both ends again."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec
from awscrt import checksums

from gateway.errors import BucketMissing, ObjectMissing, StoreError
from gateway.mapping import as_folder, destination_key
from gateway.shard import Entry
from gateway.stores.base import Listed, Store
from gateway.units import MIB
from skytf.model.job import Endpoint

EXAMPLES = 20
_READ_BYTES = 4 * MIB


class Listing(AbstractContextManager["Listing"]):
    """
    What a run has listed, kept on disk (some 30 bytes an object, compressed) so that it can be compared in the end.

    The source may change meanwhile; what counts is what was listed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = gzip.open(path, "wb", compresslevel=1)  # noqa: SIM115 - closed by __exit__

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield *entries*, writing each down on the way."""
        for entry in entries:
            self._file.write(msgspec.json.encode((entry.key, entry.suffix, entry.size_bytes)) + b"\n")
            yield entry

    def flush(self) -> None:
        """Hand what was written so far to the operating system, so that it survives the death of this process."""
        self._file.flush()

    @staticmethod
    def read(path: Path) -> Iterator[tuple[str, str, int]]:
        """Yield (key, suffix, size in bytes) in the order they were listed, also of a listing that was cut short."""
        with gzip.open(path, "rb") as file, contextlib.suppress(EOFError):
            for line in file:
                yield msgspec.json.decode(line, type=tuple[str, str, int])


@dataclass(slots=True)
class Found:
    """What a comparison found; the lists hold at most `EXAMPLES` keys of the destination."""

    objects: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    missing_count: int = 0
    different_count: int = 0

    def lacks(self, key: str) -> None:
        """Note that *key* is not there."""
        self.missing_count += 1
        if len(self.missing) < EXAMPLES:
            self.missing.append(key)

    def differs(self, key: str) -> None:
        """Note that *key* is there, but not as it should be."""
        self.different_count += 1
        if len(self.different) < EXAMPLES:
            self.different.append(key)

    def matches(self, size_bytes: int) -> None:
        """Note that an object of *size_bytes* is as it should be."""
        self.objects += 1
        self.bytes += size_bytes


def compare_sizes(
    listed: Iterable[tuple[str, str, int]], destination: Endpoint, store: Store, *, recursive: bool
) -> Found:
    """
    Return how the destination's own listing agrees with *listed*, by key and size.

    Both are in key order and are walked side by side: memory does not grow with the number of objects.
    """
    found = Found()
    if not recursive:
        for _, suffix, size_bytes in listed:
            _compare_one(store, destination_key(destination.prefix, suffix, recursive=False), size_bytes, found)
        return found
    there = _listed(store, as_folder(destination.prefix))
    current = next(there, None)
    for _, suffix, size_bytes in listed:
        key = destination_key(destination.prefix, suffix, recursive=True)
        if key.endswith("/") and destination.store.scheme == "file":
            continue  # a folder marker became a directory, which is no object
        while current is not None and current.key < key:
            current = next(there, None)
        if current is None or current.key != key:
            found.lacks(key)
        elif current.size_bytes != size_bytes:
            found.differs(key)
        else:
            found.matches(size_bytes)
    return found


def _listed(store: Store, prefix: str) -> Iterator[Listed]:
    """Yield what the destination lists; a directory that nothing was written to was never made."""
    try:
        yield from store.list(prefix)
    except BucketMissing:
        return


def _compare_one(store: Store, key: str, size_bytes: int, found: Found) -> None:
    try:
        there = store.head(key)
    except ObjectMissing:
        found.lacks(key)
        return
    if there.size_bytes == size_bytes:
        found.matches(size_bytes)
    else:
        found.differs(key)


def compare_contents(
    entries: Iterable[Entry], source: Store, destination: Endpoint, store: Store, *, recursive: bool
) -> Found:
    """
    Return how the contents of both ends agree; reads every byte of both, one object at a time.

    Raises:
        StoreError: The source cannot be read.
    """
    found = Found()
    buffer = memoryview(bytearray(_READ_BYTES))
    for entry in entries:
        key = destination_key(destination.prefix, entry.suffix, recursive=recursive)
        if key.endswith("/") and destination.store.scheme == "file":
            continue
        try:
            there = store.head(key)
        except ObjectMissing:
            found.lacks(key)
            continue
        if there.size_bytes != entry.size_bytes:
            found.differs(key)
            continue
        here_digest = _digest(source, entry.key, entry.size_bytes, entry.version, buffer)
        try:
            same = here_digest == _digest(store, key, there.size_bytes, there.version, buffer)
        except StoreError:
            same = False
        if same:
            found.matches(entry.size_bytes)
        else:
            found.differs(key)
    return found


def _digest(store: Store, key: str, size_bytes: int, version: str, buffer: memoryview) -> int:
    """Return the CRC-64/NVME of an object."""
    digest = 0
    with store.read_range(key, offset=0, size_bytes=size_bytes, version=version) as reader:
        while (count := reader.readinto(buffer)) > 0:
            digest = checksums.crc64nvme(buffer[:count], digest)
    return digest
