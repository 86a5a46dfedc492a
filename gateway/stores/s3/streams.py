"""Bytes on their way to and from S3."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from gateway.errors import SourceChanged
from gateway.stores.s3.errors import translated

# Below this, one copy costs less than the extra round trip (100-continue) that botocore makes before a stream.
_COPY_BYTES = 1 << 20


def body_of(payload: memoryview) -> bytes | PayloadFile:
    """Return *payload* as botocore takes it, without copying more than 1 MiB."""
    return bytes(payload) if len(payload) <= _COPY_BYTES else PayloadFile(payload)


class PayloadFile:
    """A seekable file over *payload*; what it reads are views, not copies."""

    def __init__(self, payload: memoryview) -> None:
        self._payload = payload
        self._position = 0

    def read(self, size: int | None = -1) -> memoryview:
        """Return the next *size* bytes, all that are left where it is negative or None."""
        end = len(self._payload) if size is None or size < 0 else self._position + size
        view = self._payload[self._position : end]
        self._position += len(view)
        return view

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as files do, and return the new position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._payload)}[whence]
        self._position = min(max(start + offset, 0), len(self._payload))
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class BodyRange:
    """The body of a get_object answer, of exactly *size_bytes*."""

    def __init__(self, body: Any, *, size_bytes: int, url: str, endpoint: str) -> None:
        self._body = body
        self._left = size_bytes
        self._url = url
        self._endpoint = endpoint

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer*; fewer bytes only at the end of the range, 0 after it."""
        wanted = buffer[: self._left]
        done = 0
        with translated(f"cannot read {self._url}", self._endpoint):
            while done < len(wanted):
                count = self._body.readinto(wanted[done:])
                if not count:
                    raise SourceChanged(f"{self._url} ended {len(wanted) - done} bytes before its range did")
                done += count
        self._left -= done
        return done

    def __enter__(self) -> BodyRange:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._body is not None:
            self._body.close()
