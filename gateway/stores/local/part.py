"""A part of a file, written where it belongs as it arrives."""

from __future__ import annotations

import os

from gateway.errors import ObjectMissing
from gateway.stores.local.files import translated, write_all


class FilePart:
    """
    The bytes of the hidden file *temporary* from *offset* on; *what* names them in messages.

    Raises:
        ObjectMissing: There is no such file: its upload is no longer open.
        AccessDenied, StoreFull, StoreUnavailable.
    """

    def __init__(self, what: str, temporary: bytes, *, offset: int) -> None:
        self._what = f"cannot write {what}"
        self._begin = self._offset = offset
        self._descriptor = -1
        with translated(self._what, absent=ObjectMissing):
            self._descriptor = os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def write(self, payload: memoryview) -> None:
        """Write the next bytes."""
        with translated(self._what):
            write_all(self._descriptor, payload, offset=self._offset)
        self._offset += len(payload)

    def finish(self) -> str:
        """Return where the part lies, as its ETag."""
        with translated(self._what):
            self._close()
        return f"{self._begin}-{self._offset - self._begin}"

    def abandon(self) -> None:
        """Close the file; what was written lies in a file that is not complete."""
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
