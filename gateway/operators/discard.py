"""``discard``: confirm what arrives intact, and write nothing. For rehearsals and benchmarks."""

# ruff: noqa: ARG002 -- signatures are those of the contracts
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

from gateway.delivery.exists import Writable
from gateway.delivery.runtime import Runtime
from gateway.errors import ObjectMissing
from gateway.operators.base import SinkOperator, param
from gateway.stores.base import Attributes, Head, Part, PartStream


class Discard(SinkOperator):
    """Params: those of a `SinkOperator`, all but ``destination`` optional, and ``bytes_per_s`` (0: as they come)."""

    params = SinkOperator.params | {"bytes_per_s"}

    def open_store(self, runtime: Runtime) -> Writable:
        """Return a store that forgets."""
        return Nowhere(param(self.step, "bytes_per_s", int, 0))


class Nowhere:
    """What a sink writes of a store; takes everything, at most *bytes_per_s* (0: no limit), and has nothing."""

    def __init__(self, bytes_per_s: int = 0) -> None:
        self._tokens = itertools.count(1)
        self._pace = _Pace(bytes_per_s)

    def url(self, key: str) -> str:
        """Return *key* as it stands in messages."""
        return f"discard://{key}"

    def head(self, key: str) -> Head:
        """Raise ObjectMissing."""
        raise ObjectMissing(f"{self.url(key)} was discarded")

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """Forget *payload*."""
        self._pace.keep(len(payload))
        return _head(key, len(payload), attributes)

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Return a token."""
        return f"discard-{next(self._tokens)}"

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Forget *payload*."""
        self._pace.keep(len(payload))
        return str(number)

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> PartStream:
        """Return what forgets as it goes."""
        return _Forgotten(str(number), self._pace)

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Return an object as large as *parts*."""
        return _head(key, sum(part.size_bytes for part in parts), attributes)

    def abort_multipart(self, key: str, token: str) -> None:
        """Do nothing."""


class _Pace:
    """Lets all threads together through at a rate, as a slow disk would."""

    def __init__(self, bytes_per_s: int) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._free_s = 0.0

    def keep(self, size_bytes: int) -> None:
        """Return when it is time for what comes after *size_bytes*."""
        if not self._bytes_per_s:
            return
        with self._lock:
            now_s = time.monotonic()
            self._free_s = max(now_s, self._free_s) + size_bytes / self._bytes_per_s
            pause_s = self._free_s - now_s
        time.sleep(pause_s)


class _Forgotten:
    def __init__(self, etag: str, pace: _Pace) -> None:
        self._etag = etag
        self._pace = pace

    def write(self, payload: memoryview) -> None:
        self._pace.keep(len(payload))

    def finish(self) -> str:
        return self._etag

    def abandon(self) -> None:
        pass


def _head(key: str, size_bytes: int, attributes: Attributes) -> Head:
    return Head(key, size_bytes, "", attributes, written_s=time.time())
