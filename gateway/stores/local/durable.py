"""What a file needs to outlive the machine: its bytes on the disk, and its name in directories that are there too."""

from __future__ import annotations

import contextlib
import os

# Directories that are known to be there for good; forgotten all at once, because to sync one again is harmless.
_MOST_KNOWN = 4096


class Durable:
    """
    Sync files and their names (fsync(2)). Any thread may call.

    Bytes that other processes of this machine wrote into the same file are synced with it.
    """

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def file(self, file: int | bytes) -> None:
        """Return once what was written to *file* (descriptor or path) is on the disk. Raises: OSError."""
        if isinstance(file, int):
            os.fsync(file)
            return
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def name(self, path: bytes) -> None:
        """Return once *path* stands in its directory on the disk, and that in those above it. Raises: OSError."""
        directory = path.rpartition(b"/")[0] or b"/"
        self.file(directory)
        synced = []
        while directory != b"/" and directory not in self._known:
            synced.append(directory)
            directory = directory.rpartition(b"/")[0] or b"/"
            # Who may not even read a directory has not made anything in it.
            with contextlib.suppress(PermissionError):
                self.file(directory)
        # No earlier: another thread would take for granted what this one is still waiting for.
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.update(synced)


class Careless:
    """In place of `Durable` where the system may write when it likes."""

    def file(self, file: int | bytes) -> None:
        """Do nothing."""

    def name(self, path: bytes) -> None:
        """Do nothing."""
