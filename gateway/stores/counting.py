"""A store that counts what another store is asked for: requests by operation, and bytes in either direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeAlias

from gateway.errors import ObjectExists
from gateway.stores.base import Attributes, Head, Listed, Part, PartStream, RangeReader, Skipped, Store

# Takes the name of a count and how much is added to it; called from any thread.
Count: TypeAlias = Callable[[str, int], None]

GET, PUT, MULTIPART_PART, LIST, HEAD, DELETE = "get", "put", "multipart-part", "list", "head", "delete"
READ_BYTES, WRITTEN_BYTES = "read_bytes", "written_bytes"


class CountingStore:
    """
    *inner*, and a word to *count* for each request that a call of it costs, whether it succeeds or not.

    It stands inside `gateway.stores.retry.RetryingStore`, so that each attempt counts. Which requests a call makes is
    known here of stores that speak like S3: a listing asks once per ``page_keys`` of *inner* (a server that gives
    smaller pages is asked more often than is counted), beginning and completing an upload are a ``put`` each, after
    completing the object is looked at (``head``), aborting counts as ``delete``. ``read_bytes`` are those that were
    taken from a stream, ``written_bytes`` those of every attempt to write. An attempt that found no connection counts
    too, although nobody bills it.
    """

    def __init__(self, inner: Store, count: Count) -> None:
        self.inner = inner
        self.spec = inner.spec
        self.at_hand = inner.at_hand
        self._count = count
        # Stores without pages list everything in one go.
        self._page_keys: int = getattr(inner, "page_keys", 0)

    def url(self, key: str) -> str:
        """Return what *inner* does."""
        return self.inner.url(key)

    def list(
        self, prefix: str, *, start_after: str = "", on_skip: Callable[[Skipped], None] | None = None
    ) -> Iterator[Listed]:
        """List as *inner* does; counts a page when its first key is asked for."""
        self._count(LIST, 1)
        for number, listed in enumerate(self.inner.list(prefix, start_after=start_after, on_skip=on_skip)):
            if number and self._page_keys and number % self._page_keys == 0:
                self._count(LIST, 1)
            yield listed

    def head(self, key: str) -> Head:
        """Return what *inner* does."""
        self._count(HEAD, 1)
        return self.inner.head(key)

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open what *inner* opens; of an empty range only the version is looked at."""
        self._count(GET if size_bytes else HEAD, 1)
        opened = self.inner.read_range(key, offset=offset, size_bytes=size_bytes, version=version)
        return _CountedRange(opened, self._count)

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """Write as *inner* does."""
        self._count(PUT, 1)
        self._count(WRITTEN_BYTES, len(payload))
        return self.inner.put(key, payload, attributes, if_absent=if_absent)

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Begin as *inner* does."""
        self._count(PUT, 1)
        return self.inner.create_multipart(key, attributes, size_bytes=size_bytes, transfer_id=transfer_id)

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Write as *inner* does."""
        self._count(MULTIPART_PART, 1)
        self._count(WRITTEN_BYTES, len(payload))
        return self.inner.put_part(key, token, number=number, offset=offset, payload=payload)

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> PartStream | None:
        """Begin as *inner* does; the part counts when its stream is closed."""
        stream = self.inner.stream_part(key, token, number=number, offset=offset)
        return None if stream is None else _CountedPart(stream, self._count)

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Complete as *inner* does, which then looks at the object, or aborts where another one stands."""
        self._count(PUT, 1)
        try:
            head = self.inner.complete_multipart(key, token, parts, attributes, if_absent=if_absent)
        except ObjectExists:
            self._count(DELETE, 1)
            raise
        self._count(HEAD, 1)
        return head

    def abort_multipart(self, key: str, token: str) -> None:
        """Abort as *inner* does."""
        self._count(DELETE, 1)
        self.inner.abort_multipart(key, token)

    def delete(self, key: str) -> None:
        """Delete as *inner* does."""
        self._count(DELETE, 1)
        self.inner.delete(key)

    def check_readable(self, prefix: str) -> None:
        """Check as *inner* does, by listing one key."""
        self._count(LIST, 1)
        self.inner.check_readable(prefix)

    def check_writable(self, prefix: str) -> None:
        """Check as *inner* does, by looking at the bucket."""
        self._count(HEAD, 1)
        self.inner.check_writable(prefix)


class _CountedRange(AbstractContextManager[RangeReader]):
    """A stream that counts what is taken from it, once it is closed."""

    def __init__(self, opened: AbstractContextManager[RangeReader], count: Count) -> None:
        self._opened = opened
        self._count = count
        self._taken = 0

    def __enter__(self) -> RangeReader:
        self._reader = self._opened.__enter__()
        return self

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer* as the stream does."""
        taken = self._reader.readinto(buffer)
        self._taken += taken
        return taken

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._count(READ_BYTES, self._taken)
        return self._opened.__exit__(kind, error, trace)


class _CountedPart:
    """A part that counts what is written of it."""

    def __init__(self, stream: PartStream, count: Count) -> None:
        self._stream = stream
        self._count = count
        self._written = 0
        count(MULTIPART_PART, 1)

    def write(self, payload: memoryview) -> None:
        """Write as the stream does."""
        self._written += len(payload)
        self._stream.write(payload)

    def finish(self) -> str:
        """Finish as the stream does."""
        self._tell()
        return self._stream.finish()

    def abandon(self) -> None:
        """Abandon as the stream does."""
        self._tell()
        self._stream.abandon()

    def _tell(self) -> None:
        written, self._written = self._written, 0
        if written:
            self._count(WRITTEN_BYTES, written)
