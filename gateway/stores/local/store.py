"""Files of this machine as a store."""

# Paths are bytes here, which pathlib does not know: a locale must not change a key.
# ruff: noqa: PTH106, PTH108, PTH112, PTH116
from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from gateway.errors import BucketMissing, IntegrityError, ObjectExists, ObjectMissing, StoreError
from gateway.stores.base import Attributes, Credentials, Head, Listed, Part, RangeReader, Skipped, StoreSpec
from gateway.stores.local.durable import Careless, Durable
from gateway.stores.local.files import NewFile, allocate, hidden_name, publish, set_mtime, translated, write_all
from gateway.stores.local.part import FilePart, OpenParts
from gateway.stores.local.paths import make_directory, path_of, refuse_directory, temporary_of, with_parents
from gateway.stores.local.reading import FileRange, head_of
from gateway.stores.local.walk import Walk


class LocalStore:
    """
    The file system: keys are absolute paths without the leading slash.

    A listing passes over symbolic links, special files, empty directories, names that are not UTF-8 and directories
    that cannot be read, and says so; a path that is named explicitly is followed through links. A key that ends in
    ``/`` is a directory. Writing replaces a link, not what it leads to; a link to a directory on the way is followed,
    because it is the user's own: no key can make one. With *durable* an object is on the disk when it is confirmed,
    else when the system sees fit. Content types are guessed from names; of the
    attributes only the modification time is stored.
    """

    at_hand = True

    def __init__(self, spec: StoreSpec, credentials: Credentials | None = None, *, durable: bool = False) -> None:
        self.spec = spec  # credentials are every store's, and files have none
        self._sync = Durable() if durable else Careless()
        self._parts = OpenParts()

    def url(self, key: str) -> str:
        """Return the absolute path."""
        return "/" + key

    def list(
        self, prefix: str, *, start_after: str = "", on_skip: Callable[[Skipped], None] | None = None
    ) -> Iterator[Listed]:
        """Yield the files below *prefix*; see `Walk`."""
        path_of(prefix.rpartition("/")[0])
        walk = Walk(prefix, start_after=start_after, on_skip=on_skip)
        with translated(f"cannot list {self.url(prefix)}", absent=BucketMissing):
            yield from walk

    def head(self, key: str) -> Head:
        """Return the file, or for a key that ends in ``/`` the directory (size 0)."""
        path = path_of(key)
        with translated(f"cannot read {self.url(key)}", absent=ObjectMissing):
            status = os.stat(path)
        if stat.S_ISDIR(status.st_mode) and not key.endswith("/"):
            raise ObjectMissing(f"{self.url(key)} is a directory", hint="add --recursive to copy what is in it")
        if not stat.S_ISREG(status.st_mode) and not key.endswith("/"):
            raise StoreError(f"{self.url(key)} is a device, a pipe or a socket", hint="only files can be copied")
        return head_of(key, status)

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open the file; its version is checked now and after each read."""
        return FileRange(key, offset=offset, size_bytes=size_bytes, version=version)

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """
        Write a file through one without a name.

        A key that ends in ``/`` makes the directory; one that is there already is no conflict, because the files in it
        may have come first.
        """
        path = path_of(key)
        with translated(f"cannot write {self.url(key)}"):
            if key.endswith("/"):
                if payload:
                    raise StoreError(f"{self.url(key)} is a folder marker with content, which no directory can hold")
                make_directory(path)
                self._sync.name(path.rstrip(b"/"))
                return head_of(key, os.stat(path))
            with with_parents(path, lambda: NewFile(path)) as new:
                write_all(new.descriptor, payload, offset=0)
                if attributes.mtime_s is not None:
                    set_mtime(new.descriptor, attributes.mtime_s)
                refuse_directory(path)
                self._sync.file(new.descriptor)
                new.publish(if_absent=if_absent)
                self._sync.name(path)
                return head_of(key, os.fstat(new.descriptor))

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Make a hidden file of *size_bytes* beside the target; the token is its name."""
        path = path_of(key)
        with translated(f"cannot write {self.url(key)}"):
            refuse_directory(path)
            directory, _, name = path.rpartition(b"/")
            temporary = directory + b"/" + hidden_name(name, transfer_id)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = with_parents(path, lambda: os.open(temporary, flags, 0o666))
            try:
                allocate(descriptor, size_bytes)
            except OSError:
                os.unlink(temporary)
                raise
            finally:
                os.close(descriptor)
        return temporary.rpartition(b"/")[2].decode()

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Write *payload* at *offset* of the hidden file."""
        part = self.stream_part(key, token, number=number, offset=offset)
        try:
            part.write(payload)
            return part.finish()
        finally:
            part.abandon()

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> FilePart:
        """Begin to write at *offset* of the hidden file."""
        what = f"part {number} of {self.url(key)}"
        return FilePart(what, temporary_of(key, token), self._parts, offset=offset)

    def complete_multipart(
        self, key: str, token: str, parts: Sequence[Part], attributes: Attributes, *, if_absent: bool = False
    ) -> Head:
        """Check the size and the parts' numbers, then give the hidden file its name."""
        path, temporary = path_of(key), temporary_of(key, token)
        with translated(f"cannot complete {self.url(key)}", absent=ObjectMissing), self._parts.ended(temporary):
            size_bytes = os.stat(temporary, follow_symlinks=False).st_size
            expected = sum(part.size_bytes for part in parts)
            numbers = [part.number for part in parts]
            if size_bytes != expected or numbers != list(range(1, len(parts) + 1)):
                raise IntegrityError(
                    f"{self.url(key)} has {size_bytes} bytes, its {len(parts)} parts have {expected}",
                    hint="the object is read again from its source",
                )
            if attributes.mtime_s is not None:
                set_mtime(temporary, attributes.mtime_s)
            try:
                refuse_directory(path)
                self._sync.file(temporary)
                publish(temporary, path, if_absent=if_absent)
            except ObjectExists:
                os.unlink(temporary)
                raise
            self._sync.name(path)
            return head_of(key, os.stat(path, follow_symlinks=False))

    def abort_multipart(self, key: str, token: str) -> None:
        """Remove the hidden file."""
        with translated(f"cannot abort {self.url(key)}"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(temporary_of(key, token))

    def delete(self, key: str) -> None:
        """Remove the file; a directory only where it is empty."""
        path = path_of(key)
        with translated(f"cannot delete {self.url(key)}"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if not key.endswith("/"):
                os.unlink(path)
            elif not any(True for _ in os.scandir(path)):
                os.rmdir(path)

    def check_readable(self, prefix: str) -> None:
        """Open what *prefix* names, a directory or a file."""
        path = path_of(prefix)
        with translated(f"cannot read {self.url(prefix)}", absent=BucketMissing):
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    def check_writable(self, prefix: str) -> None:
        """Write one byte to a hidden file in the nearest directory that exists, and remove it."""
        path = path_of(prefix).rstrip(b"/")
        directory = path if os.path.isdir(path) else path.rpartition(b"/")[0]
        while directory and not os.path.lexists(directory):
            directory = directory.rpartition(b"/")[0]
        with translated(f"cannot write to {self.url(prefix)}"):
            probe = directory + b"/" + hidden_name(b"probe", "check")
            descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                write_all(descriptor, memoryview(b"\0"), offset=0)
            finally:
                os.close(descriptor)
                os.unlink(probe)
