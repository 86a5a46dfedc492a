"""Objects in the memory of this process, for tests: every store of the same bucket name sees the same objects."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar

from awscrt import checksums

from gateway.errors import IntegrityError, ObjectExists, ObjectMissing, SourceChanged
from gateway.stores.base import Attributes, Credentials, Head, Listed, Part, RangeReader, Skipped, StoreSpec


@dataclass(slots=True)
class _Upload:
    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Bucket:
    lock: threading.Lock = field(default_factory=threading.Lock)
    objects: dict[str, tuple[Head, bytes]] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class MemoryStore:
    """A bucket in memory; it comes into being when it is first named."""

    at_hand = True
    buckets: ClassVar[dict[str, _Bucket]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, spec: StoreSpec, credentials: Credentials | None = None) -> None:  # as every store
        self.spec = spec
        with self._lock:
            self._bucket = self.buckets.setdefault(spec.bucket, _Bucket())

    def url(self, key: str) -> str:
        """Return ``memory://bucket/key``."""
        return f"memory://{self.spec.bucket}/{key}"

    def list(
        self,
        prefix: str,
        *,
        start_after: str = "",
        on_skip: Callable[[Skipped], None] | None = None,  # nothing is skipped
    ) -> Iterator[Listed]:
        """Yield the objects as they stood at the beginning."""
        with self._bucket.lock:
            heads = [head for head, _ in self._bucket.objects.values()]
        for head in sorted(heads, key=lambda head: head.key.encode()):
            if head.key.startswith(prefix) and head.key.encode() > start_after.encode():
                yield Listed(head.key, head.size_bytes, head.version, head.attributes.mtime_s or head.written_s)

    def head(self, key: str) -> Head:
        """Return the object. Raises: ObjectMissing."""
        return self._object(key)[0]

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open a range of the object as it stands now. Raises: ObjectMissing, SourceChanged."""
        head, content = self._object(key)
        if version not in ("", head.version) or offset + size_bytes > head.size_bytes:
            raise SourceChanged(f"{self.url(key)} is not the version that was listed")
        return _MemoryRange(memoryview(content)[offset : offset + size_bytes])

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """Keep a copy of *payload*. Raises: ObjectExists."""
        with self._bucket.lock:
            return self._keep(key, bytes(payload), attributes, if_absent=if_absent)

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Begin an upload."""
        with self._bucket.lock:
            token = f"{transfer_id}-{next(self._bucket.counter)}"
            self._bucket.uploads[token] = _Upload(key)
        return token

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Keep a copy of the part. Raises: ObjectMissing."""
        with self._bucket.lock:
            self._upload(key, token).parts[number] = bytes(payload)
        return f'"part-{number}"'

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> None:
        """Return None: a part is taken as a whole."""

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Join the parts. Raises: IntegrityError, ObjectExists, ObjectMissing."""
        with self._bucket.lock:
            kept = self._upload(key, token).parts
            for part in parts:
                if len(kept.get(part.number, b"")) != part.size_bytes or part.number not in kept:
                    raise IntegrityError(f"part {part.number} of {self.url(key)} is not there as expected")
            del self._bucket.uploads[token]
            return self._keep(key, b"".join(kept[part.number] for part in parts), attributes, if_absent=if_absent)

    def abort_multipart(self, key: str, token: str) -> None:
        """Forget the upload."""
        with self._bucket.lock:
            self._bucket.uploads.pop(token, None)

    def delete(self, key: str) -> None:
        """Forget the object."""
        with self._bucket.lock:
            self._bucket.objects.pop(key, None)

    def check_readable(self, prefix: str) -> None:
        """Return: memory can always be read."""

    def check_writable(self, prefix: str) -> None:
        """Return: memory can always be written."""

    def _object(self, key: str) -> tuple[Head, bytes]:
        with self._bucket.lock:
            found = self._bucket.objects.get(key)
        if found is None:
            raise ObjectMissing(f"{self.url(key)} does not exist")
        return found

    def _upload(self, key: str, token: str) -> _Upload:
        upload = self._bucket.uploads.get(token)
        if upload is None or upload.key != key:
            raise ObjectMissing(f"no upload {token!r} of {self.url(key)} is open")
        return upload

    def _keep(self, key: str, content: bytes, attributes: Attributes, *, if_absent: bool) -> Head:
        if if_absent and key in self._bucket.objects:
            raise ObjectExists(f"{self.url(key)} exists already")
        version = f'"{next(self._bucket.counter)}"'
        head = Head(key, len(content), version, attributes, time.time(), checksums.crc64nvme(content))
        self._bucket.objects[key] = (head, content)
        return head


class _MemoryRange:
    def __init__(self, content: memoryview) -> None:
        self._left = content

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer*; fewer bytes only at the end of the range, 0 after it."""
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def __enter__(self) -> _MemoryRange:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._left.release()
