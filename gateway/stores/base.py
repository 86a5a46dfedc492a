"""
The contract of a store: one bucket, or this machine's file system.

SDK exceptions never leave an adapter: every method raises only `StoreError`s, whose class says what the caller
can do and whose message names the location as the user wrote it. `retryable` says whether the same call may succeed
later; adapters do not sleep and do not retry, `gateway.stores.retry` does. Every method may be called from several
threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """
    Where a store is, as it stands in a program: no secrets.

    ``scheme`` picks the adapter; ``bucket`` is empty for ``file`` (its keys are absolute paths without the
    leading slash). ``credentials`` names an entry of the secrets that travel beside the program; empty means
    the standard chain of the machine.
    """

    scheme: str
    bucket: str = ""
    endpoint_url: str = ""
    region: str = ""
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys of one endpoint. Never logged: no field appears in `repr`."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing. ``version`` is opaque and changes when the content does."""

    key: str
    size_bytes: int
    version: str
    mtime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """
    A name that a listing passed over, and why.

    ``reason`` is one of ``symlink``, ``special`` (device, socket, pipe), ``empty-directory``,
    ``not-utf8``, ``unreadable``. ``key`` is safe to print (bytes that are not UTF-8 are escaped).
    """

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """What travels with an object's bytes."""

    content_type: str = ""
    content_encoding: str = ""
    cache_control: str = ""
    content_disposition: str = ""
    content_language: str = ""
    user_metadata: Mapping[str, str] = field(default_factory=dict)
    mtime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """
    One object as it stands in the store.

    ``written_s`` is when the store took it (S3 LastModified, a file's ctime), seconds since the epoch.
    ``crc64nvme`` is the store's own digest of the whole object, None where it reports none.
    """

    key: str
    size_bytes: int
    version: str
    attributes: Attributes
    written_s: float
    crc64nvme: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store has: *number* from 1, and the *etag* it answered."""

    number: int
    etag: str
    size_bytes: int
    crc64nvme: int


class RangeReader(Protocol):
    """A stream over one byte range."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer*; fewer bytes only at the end of the range, 0 after it."""


@runtime_checkable
class Lender(Protocol):
    """A stream that has its bytes in memory and lends them, which saves a copy."""

    def lend(self, size_bytes: int) -> memoryview:
        """Return the next *size_bytes*, fewer only at the end of the range; valid until the stream is closed."""


class PartStream(Protocol):
    """
    One part of an upload that is written as it arrives. Ends by `finish` or by `abandon`.

    Each raises what `Store.put_part` raises.
    """

    def write(self, payload: memoryview) -> None:
        """Write the next bytes; after an error that is `retryable` the same again, or `abandon`."""

    def finish(self) -> str:
        """Return the part's ETag, once the store has it."""

    def abandon(self) -> None:
        """Stop before the end; what was written counts for nothing. Fine after `finish`."""


class Readable(Protocol):
    """What a source needs of a `Store`."""

    at_hand: bool

    def url(self, key: str) -> str:
        """Return *key* as a user would write it."""

    def head(self, key: str) -> Head:
        """Return *key* as it stands."""

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open a stream over a byte range."""


class Store(Protocol):
    """
    One bucket, or the file system of this machine.

    ``at_hand`` says that reading waits on no network, so that a connection to a gateway may read while it sends.
    """

    spec: StoreSpec
    at_hand: bool

    def url(self, key: str) -> str:
        """Return *key* as a user would write it (``s3://bucket/key``, ``/path``)."""

    def list(
        self, prefix: str, *, start_after: str = "", on_skip: Callable[[Skipped], None] | None = None
    ) -> Iterator[Listed]:
        """
        Yield the objects whose key starts with *prefix*, in the order of their UTF-8 bytes, after *start_after*.

        Streamed: holds one page (S3) or one directory per level (files). Folder markers (keys that end in ``/``) are
        objects like others.
        *prefix* is a plain string prefix: ``foo`` lists ``foobar`` too; `gateway.mapping` decides what belongs.

        Raises:
            BucketMissing, AccessDenied, StoreUnavailable.
        """

    def head(self, key: str) -> Head:
        """Return *key* as it stands. Raises: ObjectMissing, BucketMissing, AccessDenied, StoreUnavailable."""

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """
        Open a stream over a byte range of exactly the given *version* (empty: whichever stands there).

        Holds no more than a socket buffer. Closing early is allowed.

        Raises:
            SourceChanged: Another version stands there; also raised by ``readinto`` where the range is short.
            ObjectMissing, AccessDenied, StoreUnavailable.
        """

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """
        Write a whole object in one step: a reader sees the old object or the new, never half of it.

        With *if_absent* an existing object is left as it is. Idempotent otherwise. On error nothing of it is left at
        the destination.

        Raises:
            ObjectExists: Only with *if_absent*.
            BucketMissing, AccessDenied, StoreFull, StoreUnavailable.
        """

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """
        Begin an object of several parts and return its token, which any gateway of the site can use.

        For files the token is the hidden temporary file beside the target, whose name contains *transfer_id*.
        """

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """
        Write one part and return its ETag. Writing the same part twice is harmless.

        Raises:
            ObjectMissing: The upload is no longer open.
            AccessDenied, StoreFull, StoreUnavailable.
        """

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> PartStream | None:
        """
        Begin to write one part as its bytes arrive; None where the store takes a part only as a whole.

        Raises:
            ObjectMissing: The upload is no longer open.
            AccessDenied, StoreUnavailable.
        """

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """
        Make the object of exactly *parts* (ascending numbers) visible, and return it as it then stands.

        Raises:
            IntegrityError: The store's parts are not the expected ones; nothing became visible.
            ObjectMissing: The upload is no longer open.
            ObjectExists: Only with *if_absent*; the upload is aborted.
        """

    def abort_multipart(self, key: str, token: str) -> None:
        """Forget an upload and what it wrote. Not an error if it is already gone or complete."""

    def delete(self, key: str) -> None:
        """Delete *key*. Not an error if it is already gone."""

    def check_readable(self, prefix: str) -> None:
        """Raise what a first read under *prefix* would raise: BucketMissing, AccessDenied, StoreUnavailable."""

    def check_writable(self, prefix: str) -> None:
        """
        Raise what a first write under *prefix* would raise, and leave nothing behind.

        Raises:
            BucketMissing, AccessDenied, StoreFull, StoreUnavailable.
        """
