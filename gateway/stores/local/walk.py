"""The listing of a directory tree as a store lists its keys: sorted by the keys' UTF-8 bytes, streamed."""

# Paths are bytes here, which pathlib does not know: a locale must not change a key.
# ruff: noqa: PTH116
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from gateway.stores.base import Listed, Skipped
from gateway.stores.local.files import is_hidden_name


def version_of(status: os.stat_result) -> str:
    """Return what changes when a file's content does, and stays when it is only read, linked or given another owner."""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


class Walk:
    """
    One listing. Keys are bytes here, absolute paths without the leading slash; a directory sorts as ``name/``.

    Holds the names of one directory per level.
    """

    def __init__(self, prefix: str, *, start_after: str, on_skip: Callable[[Skipped], None] | None) -> None:
        directory, slash, self._name_prefix = prefix.encode().rpartition(b"/")
        self._top = directory + slash
        self._after = start_after.encode()
        self._on_skip = on_skip

    def __iter__(self) -> Iterator[Listed]:
        """Yield the files. Raises: OSError where the directory to begin with cannot be read."""
        pending = [iter(self._names(self._top, self._name_prefix))]
        while pending:
            key = next(pending[-1], None)
            if key is None:
                pending.pop()
            elif key.endswith(b"/"):
                pending.append(iter(self._names_below(key)))
            elif (listed := self._listed(key)) is not None:
                yield listed

    def _names(self, directory: bytes, name_prefix: bytes = b"") -> list[bytes]:
        """Return the keys of the files and, with a slash, of the directories in *directory*, sorted."""
        keys, names = [], 0
        with os.scandir(b"/" + directory) as entries:
            for entry in entries:
                names += 1
                if entry.name.startswith(name_prefix) and not is_hidden_name(entry.name):
                    key = self._key_of(entry, directory + entry.name)
                    if key is not None:
                        keys.append(key)
        if not names:
            self._skip(directory, "empty-directory")
        keys.sort()
        return keys

    def _key_of(self, entry: os.DirEntry[bytes], key: bytes) -> bytes | None:
        reason = _reason_to_skip(entry)
        if reason:
            self._skip(key, reason)
            return None
        if entry.is_dir(follow_symlinks=False):
            key += b"/"
        return None if self._is_done(key) else key

    def _names_below(self, directory: bytes) -> list[bytes]:
        try:
            return self._names(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []  # removed since its parent was read
        except OSError:
            self._skip(directory, "unreadable")
            return []

    def _listed(self, key: bytes) -> Listed | None:
        try:
            status = os.stat(b"/" + key, follow_symlinks=False)
        except FileNotFoundError:
            return None  # removed since its directory was read
        except OSError:
            self._skip(key, "unreadable")
            return None
        if not stat.S_ISREG(status.st_mode):
            return None  # replaced since its directory was read
        return Listed(key.decode(), status.st_size, version_of(status), status.st_mtime)

    def _is_done(self, key: bytes) -> bool:
        """Return whether *key*, and for a directory all below it, stand at or before the key to go on after."""
        return key <= self._after and not (key.endswith(b"/") and self._after.startswith(key))

    def _skip(self, key: bytes, reason: str) -> None:
        if self._on_skip is not None and not self._is_done(key):
            self._on_skip(Skipped(key.decode("utf-8", "backslashreplace"), reason))


def _reason_to_skip(entry: os.DirEntry[bytes]) -> str:
    if entry.is_symlink():
        return "symlink"
    if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        return "special"
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        return "not-utf8"
    return ""
