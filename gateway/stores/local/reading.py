"""A byte range of one version of a file, and the file as it stands."""

from __future__ import annotations

import mimetypes
import os
import stat
from types import TracebackType

from gateway.errors import ObjectMissing, SourceChanged
from gateway.stores.base import Attributes, Head
from gateway.stores.local.files import translated
from gateway.stores.local.paths import path_of
from gateway.stores.local.walk import version_of

# Built-in types only: the answer must not depend on files of this machine.
_TYPES = mimetypes.MimeTypes(filenames=())
_COMPRESSED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def head_of(key: str, status: os.stat_result) -> Head:
    """Return the file *key*, whose *status* is known; a directory has no bytes and no version."""
    is_directory = stat.S_ISDIR(status.st_mode)
    return Head(
        key=key,
        size_bytes=0 if is_directory else status.st_size,
        version="directory" if is_directory else version_of(status),
        attributes=Attributes(content_type="" if is_directory else content_type_of(key), mtime_s=status.st_mtime),
        written_s=status.st_ctime,
    )


def content_type_of(key: str) -> str:
    """Return the type that the name of *key* suggests, or an empty string."""
    kind, encoding = _TYPES.guess_type(key.rpartition("/")[2])
    if encoding is not None:
        return _COMPRESSED_TYPES.get(encoding, "application/octet-stream")
    return kind or ""


class FileRange:
    """
    Bytes *offset* … *offset + size_bytes* of the file *key*.

    Raises:
        ObjectMissing: There is no such file.
        SourceChanged: Another version than *version* stands there, or the file ends before the range; also from
            `readinto`, where the file was written to meanwhile.
        AccessDenied, StoreUnavailable.
    """

    def __init__(self, key: str, *, offset: int, size_bytes: int, version: str) -> None:
        self._url = "/" + key
        self._offset = offset
        self._left = size_bytes
        with translated(f"cannot read {self._url}", absent=ObjectMissing):
            # a pipe put in the file's place must not block us
            self._descriptor = os.open(path_of(key), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(self._descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ObjectMissing(f"{self._url} is not a regular file")
            self._version = version_of(status)
            if version not in ("", self._version):
                raise self._changed("is not the version that was listed")
            if status.st_size < offset + size_bytes:
                raise self._changed(f"ends at byte {status.st_size}, before the range that was asked for")
        except BaseException:
            os.close(self._descriptor)
            raise

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer*; fewer bytes only at the end of the range, 0 after it."""
        wanted = buffer[: self._left]
        done = 0
        with translated(f"cannot read {self._url}"):
            while done < len(wanted):
                count = os.preadv(self._descriptor, [wanted[done:]], self._offset)
                if not count:
                    raise self._changed("became shorter while it was read")
                done += count
                self._offset += count
        self._left -= done
        # Each time, not at the end alone: who writes slices as they come must not get one of another version.
        if done and version_of(os.fstat(self._descriptor)) != self._version:
            raise self._changed("changed while it was read")
        return done

    def __enter__(self) -> FileRange:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _changed(self, how: str) -> SourceChanged:
        return SourceChanged(f"{self._url} {how}", hint="plan again, or keep the source as it is during the transfer")
