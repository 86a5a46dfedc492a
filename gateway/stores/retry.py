"""A store that retries another store: the only place that waits before it tries again."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from gateway.errors import Stopped, StoreError, StoreUnavailable
from gateway.stores.base import Attributes, Head, Listed, Part, PartStream, RangeReader, Skipped, Store

_T = TypeVar("_T")


class RetryingStore:
    """
    *inner*, each of whose calls is tried up to *max_attempts* times while its error is retryable.

    One that is unavailable (out of service, too busy, not to be reached) is also tried again for *patience_s* seconds
    after it was first found so, however many attempts that takes.
    The waits grow with decorrelated jitter: each is drawn from *base_s* … three times the one before, at most *cap_s*
    (seconds). `close` ends every wait: the call then raises `Stopped`.
    A range read is retried only until it is open; whoever reads it knows what of it is worth reading again.

    Source:
        aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter, "Decorrelated Jitter".
    """

    def __init__(
        self, inner: Store, *, base_s: float = 0.2, cap_s: float = 10.0, max_attempts: int = 5, patience_s: float = 0.0
    ) -> None:
        self.inner = inner
        self.spec = inner.spec
        self.at_hand = inner.at_hand
        self._base_s = base_s
        self._cap_s = cap_s
        self._max_attempts = max_attempts
        self._patience_s = patience_s
        self._stop = threading.Event()

    def close(self) -> None:
        """Wake every call that waits; it raises `Stopped`. Calls that do not wait run to their end."""
        self._stop.set()

    def url(self, key: str) -> str:
        """Return what *inner* does."""
        return self.inner.url(key)

    def list(
        self, prefix: str, *, start_after: str = "", on_skip: Callable[[Skipped], None] | None = None
    ) -> Iterator[Listed]:
        """List as *inner* does, after an error from behind the last key on; progress renews the attempts."""
        last = start_after
        backoff = self._backoff()
        while True:
            try:
                for listed in self.inner.list(prefix, start_after=last, on_skip=on_skip):
                    if listed.key != last:
                        last, backoff = listed.key, self._backoff()
                    yield listed
            except StoreError as error:
                backoff.wait(error)
            else:
                return

    def head(self, key: str) -> Head:
        """Return what *inner* does, with retries."""
        return self._retry(lambda: self.inner.head(key))

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open what *inner* opens; only the opening is retried."""
        return self._retry(lambda: self.inner.read_range(key, offset=offset, size_bytes=size_bytes, version=version))

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """
        Write as *inner* does, with retries.

        With *if_absent* a first attempt whose answer was lost makes the second say `ObjectExists`; who must tell its
        own object from another's compares `Head.written_s`.
        """
        return self._retry(lambda: self.inner.put(key, payload, attributes, if_absent=if_absent))

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Begin as *inner* does, with retries."""
        return self._retry(
            lambda: self.inner.create_multipart(key, attributes, size_bytes=size_bytes, transfer_id=transfer_id)
        )

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Write as *inner* does, with retries."""
        return self._retry(lambda: self.inner.put_part(key, token, number=number, offset=offset, payload=payload))

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> PartStream | None:
        """Begin as *inner* does, with retries; each write of the stream has its own."""
        stream = self._retry(lambda: self.inner.stream_part(key, token, number=number, offset=offset))
        return None if stream is None else _PatientPart(stream, self._retry)

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Complete as *inner* does, with retries; after a lost answer the next may say `ObjectMissing`, as in `put`."""
        return self._retry(lambda: self.inner.complete_multipart(key, token, parts, attributes, if_absent=if_absent))

    def abort_multipart(self, key: str, token: str) -> None:
        """Abort as *inner* does, with retries."""
        self._retry(lambda: self.inner.abort_multipart(key, token))

    def delete(self, key: str) -> None:
        """Delete as *inner* does, with retries."""
        self._retry(lambda: self.inner.delete(key))

    def check_readable(self, prefix: str) -> None:
        """Check as *inner* does, with retries."""
        self._retry(lambda: self.inner.check_readable(prefix))

    def check_writable(self, prefix: str) -> None:
        """Check as *inner* does, with retries."""
        self._retry(lambda: self.inner.check_writable(prefix))

    def _retry(self, call: Callable[[], _T]) -> _T:
        backoff = self._backoff()
        while True:
            try:
                return call()
            except StoreError as error:
                backoff.wait(error)

    def _backoff(self) -> _Backoff:
        return _Backoff(self._base_s, self._cap_s, self._max_attempts, self._patience_s, self._stop)


class _PatientPart:
    """A part each of whose writes is tried again; what closes it is not, because it is closed then."""

    def __init__(self, stream: PartStream, retry: Callable[[Callable[[], None]], None]) -> None:
        self._stream = stream
        self._retry = retry
        self.finish = stream.finish
        self.abandon = stream.abandon

    def write(self, payload: memoryview) -> None:
        """Write as the stream does, with retries."""
        self._retry(lambda: self._stream.write(payload))


class _Backoff:
    """The waits of one call."""

    def __init__(
        self, base_s: float, cap_s: float, max_attempts: int, patience_s: float, stop: threading.Event
    ) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._attempts_left = max_attempts - 1
        self._patience_s = patience_s
        self._began_s = math.inf
        self._delay_s = base_s
        self._stop = stop

    def wait(self, error: StoreError) -> None:
        """Return when the next attempt may begin; raise *error* where there is none, `Stopped` on `close`."""
        self._began_s = min(self._began_s, time.monotonic())
        if not error.retryable or not (self._attempts_left > 0 or self._is_patient(error)):
            raise error
        self._attempts_left -= 1
        self._delay_s = min(self._cap_s, random.uniform(self._base_s, self._delay_s * 3))  # noqa: S311  # no secret
        if self._stop.wait(self._delay_s):
            raise Stopped(f"stopped while waiting to try again: {error}") from error

    def _is_patient(self, error: StoreError) -> bool:
        return isinstance(error, StoreUnavailable) and time.monotonic() - self._began_s < self._patience_s
