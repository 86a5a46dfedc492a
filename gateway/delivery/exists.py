"""What ``if_exists`` means when an object meets another of its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from gateway.errors import ObjectExists, ObjectMissing
from gateway.stores.base import Attributes, Head, Part, PartStream


class Writable(Protocol):
    """What a sink needs of a `Store`."""

    def url(self, key: str) -> str:
        """Return *key* as a user would write it."""

    def head(self, key: str) -> Head:
        """Return *key* as it stands."""

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """Write a whole object in one step."""

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Begin an object of several parts and return its token."""

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Write one part and return its ETag."""

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> PartStream | None:
        """Begin to write one part as its bytes arrive; None where parts are taken as a whole."""

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Make the object of exactly *parts* visible."""

    def abort_multipart(self, key: str, token: str) -> None:
        """Forget an upload."""


class IfExists:
    """
    The *rule* ``overwrite``, ``skip`` or ``fail`` for one store.

    What this transfer itself wrote, which began at *started_s* (seconds since the epoch), is no conflict.
    """

    def __init__(self, rule: str, store: Writable, started_s: float) -> None:
        self.rule = rule
        self._store = store
        # S3 tells LastModified in whole seconds, so a write in the transfer's first second may look earlier.
        self._started_s = math.floor(started_s)

    def must_be_absent(self, key: str, *, again: bool) -> bool | None:
        """
        Return whether *key* may be written only if it is absent, or whatever stands there; None: not at all, skip it.

        *again* says that an earlier attempt of this transfer may have written it.

        Raises:
            ObjectExists: It stands there already, and that is a failure.
        """
        if self.rule == "overwrite":
            return False
        if key.endswith("/"):
            # A folder marker is the store's to judge: where it is a directory, files may have made it first.
            return True
        try:
            head = self._store.head(key)
        except ObjectMissing:
            return True
        if again and self.is_ours(head):
            return False
        if self.rule == "skip":
            return None
        raise ObjectExists(
            f"{self._store.url(key)} exists already", hint="use --if-exists overwrite or skip, or another destination"
        )

    def is_ours(self, head: Head) -> bool:
        """Return whether this transfer may have written what stands there."""
        return head.written_s >= self._started_s

    def is_result(self, head: Head, *, size_bytes: int, crc64nvme: int, mtime_s: float | None) -> bool:
        """
        Return whether this transfer wrote exactly this object: same size, and all else that the store can tell.

        A frame arrives at least once and the answer of a store can be lost, so that a conflict may be with oneself.
        """
        same_bytes = head.size_bytes == size_bytes and head.crc64nvme in (None, crc64nvme)
        return same_bytes and self.is_ours(head) and _same_time(head.attributes.mtime_s, mtime_s)


def _same_time(standing_s: float | None, expected_s: float | None) -> bool:
    # Disks and headers round to microseconds at worst.
    return expected_s is None or (standing_s is not None and abs(standing_s - expected_s) < 1e-5)
