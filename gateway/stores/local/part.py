"""A part of a file, written where it belongs as it arrives."""

# Paths are bytes here, which pathlib does not know: a locale must not change a key.
# ruff: noqa: PTH116
from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from gateway.errors import ObjectMissing
from gateway.stores.local.files import translated, write_all


class OpenParts:
    """
    The parts that this process is writing, by hidden file.

    A part may be written twice at a time, because what a slow connection holds is sent once more. The file is complete
    when the quicker one has ended; the other still has it open, whatever its name is by then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[bytes, set[FilePart]] = {}
        self._closing: set[bytes] = set()

    def enter(self, part: FilePart) -> None:
        """Note that *part* may be written. Raises: FileNotFoundError, while its file is made complete."""
        with self._lock:
            if part.temporary in self._closing:
                raise FileNotFoundError(part.temporary)
            self._parts.setdefault(part.temporary, set()).add(part)

    def leave(self, part: FilePart) -> None:
        """Note that *part* is closed."""
        with self._lock:
            parts = self._parts.get(part.temporary, set())
            parts.discard(part)
            if not parts:
                self._parts.pop(part.temporary, None)

    @contextlib.contextmanager
    def ended(self, temporary: bytes) -> Iterator[None]:
        """End all parts of *temporary*, and let none begin while the block runs."""
        with self._lock:
            self._closing.add(temporary)
            parts = tuple(self._parts.get(temporary, ()))
        try:
            for part in parts:
                part.end()
            yield
        finally:
            with self._lock:
                self._closing.discard(temporary)


class FilePart:
    """
    The bytes of the hidden file *temporary* from *offset* on; *what* names them in messages.

    `end` may come from any thread. Other processes are kept from a complete file by its name alone, which is looked at
    before each write.

    Raises:
        ObjectMissing: There is no such file: its upload is no longer open. Also from `write`.
        AccessDenied, StoreFull, StoreUnavailable.
    """

    def __init__(self, what: str, temporary: bytes, parts: OpenParts, *, offset: int) -> None:
        self.temporary = temporary
        self._what = f"cannot write {what}"
        self._begin = self._offset = offset
        self._descriptor = -1
        self._parts = parts
        self._writing = threading.Lock()
        self._ended = False
        with translated(self._what, absent=ObjectMissing):
            parts.enter(self)
            try:
                self._descriptor = os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                parts.leave(self)
                raise

    def write(self, payload: memoryview) -> None:
        """Write the next bytes."""
        with self._writing:
            if self._ended:
                raise ObjectMissing(f"{self._what}: the file is complete")
            with translated(self._what, absent=ObjectMissing):
                os.stat(self.temporary, follow_symlinks=False)
                write_all(self._descriptor, payload, offset=self._offset)
        self._offset += len(payload)

    def end(self) -> None:
        """Let nothing more be written; waits for a write that has begun."""
        with self._writing:
            self._ended = True

    def finish(self) -> str:
        """Return where the part lies, as its ETag."""
        with translated(self._what):
            self._close()
        return f"{self._begin}-{self._offset - self._begin}"

    def abandon(self) -> None:
        """Close the file; what was written lies in a file that is not complete."""
        with contextlib.suppress(OSError):  # a disk may say only now that it is full: nobody counts on the bytes
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._parts.leave(self)
            os.close(descriptor)
