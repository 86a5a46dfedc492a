"""Files that become visible whole or not at all, and what the system's errors mean to a store."""

# Paths are bytes here, which pathlib does not know: a locale must not change a key.
# ruff: noqa: PTH105, PTH108, PTH112
from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from decimal import Decimal

from gateway.errors import AccessDenied, ObjectExists, StoreError, StoreFull, StoreUnavailable

_NAME_BYTES = 255  # NAME_MAX of every Linux file system worth naming
_HIDDEN = re.compile(rb"\..*\.skytf-[^/]*\.part", re.DOTALL)
# Linux only; a nameless file gets its name through /proc.
_NAMELESS: int = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0
# What open(2) answers where a file system has no nameless files.
_NO_NAMELESS_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})

_BY_ERRNO: dict[int, tuple[type[StoreError], str]] = {
    errno.ENOENT: (AccessDenied, "no file can be made there; choose another path"),
    errno.EACCES: (AccessDenied, "check the owner and the mode of the path"),
    errno.EPERM: (AccessDenied, "check the owner and the mode of the path"),
    errno.EROFS: (AccessDenied, "choose a path on a disk that is not read-only"),
    errno.ENOSPC: (StoreFull, "make room on the disk, then resume"),
    errno.EDQUOT: (StoreFull, "make room within the quota, then resume"),
    errno.EFBIG: (StoreFull, "the disk or a limit of this user does not allow files of this size"),
    **dict.fromkeys(
        (
            errno.EMFILE,
            errno.ENFILE,
            errno.EAGAIN,
            errno.ENOMEM,
            errno.ENOBUFS,
            errno.EIO,
            errno.ESTALE,
            errno.ETIMEDOUT,
        ),
        (StoreUnavailable, ""),
    ),
    errno.ENOTDIR: (StoreError, "a file stands where a directory is needed"),
    errno.EEXIST: (StoreError, "a file stands where a directory is needed"),
    errno.EISDIR: (StoreError, "a directory stands where the file should be; add a / to write into it"),
    errno.ENAMETOOLONG: (StoreError, "this disk does not take names of this length"),
}


@contextlib.contextmanager
def translated(what: str, *, absent: type[StoreError] | None = None) -> Iterator[None]:
    """
    Turn an `OSError` of the body into the `StoreError` that says what the caller can do; *what* begins the message.

    *absent* is what to raise where there is no such path; without it the body writes, and the place is at fault.
    """
    try:
        yield
    except OSError as error:
        kind, hint = _BY_ERRNO.get(error.errno or 0, (StoreError, ""))
        if absent is not None and error.errno in (errno.ENOENT, errno.ENOTDIR):
            kind, hint = absent, "check the path"
        raise kind(f"{what}: {error.strerror or error}", hint=hint) from error


def hidden_name(name: bytes, transfer_id: str) -> bytes:
    """
    Return a new name for the unfinished file *name*: ``.NAME.skytf-TRANSFER.RANDOM.part``, NAME cut where it must be.

    Random, so that a part that arrives late for an upload that was opened again finds no file.
    """
    ending = f".skytf-{transfer_id}.{secrets.token_hex(4)}.part".encode()
    room = _NAME_BYTES - 1 - len(ending)
    return b"." + name[:room].decode("utf-8", "ignore").encode() + ending


def is_hidden_name(name: bytes) -> bool:
    """Return whether *name* is that of an unfinished file of ours."""
    return _HIDDEN.fullmatch(name) is not None


def write_all(descriptor: int, payload: memoryview, *, offset: int) -> None:
    """Write *payload* whole at *offset* of the file."""
    while payload:
        written = os.pwrite(descriptor, payload, offset)
        payload, offset = payload[written:], offset + written


def allocate(descriptor: int, size_bytes: int) -> None:
    """Make the file *size_bytes* long; where the disk can, have it promise the blocks. Raises: OSError, disk full."""
    if size_bytes:
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            os.truncate(descriptor, size_bytes)


def set_mtime(file: int | bytes, mtime_s: float) -> None:
    """
    Set the modification time of *file* (descriptor or path), seconds since the epoch.

    Raises:
        StoreError: No file can have such a time.
    """
    try:
        nanoseconds = int(Decimal(repr(mtime_s)) * 1_000_000_000)  # a float product would be off by some hundred
        os.utime(file, ns=(nanoseconds, nanoseconds))
    except (OverflowError, ValueError) as error:
        raise StoreError(
            f"no file can have the modification time {mtime_s} s", hint="correct it at the source"
        ) from error


def publish(temporary: bytes, target: bytes, *, if_absent: bool) -> None:
    """
    Give the finished file *temporary* the name *target*, in one step.

    Raises:
        ObjectExists: With *if_absent* and something there; *temporary* stays.
    """
    if if_absent:
        _link(temporary, target)
        os.unlink(temporary)
    else:
        os.replace(temporary, target)


class NewFile:
    """
    A file that has no name until it is whole, where the disk can do that: a killed process leaves nothing behind.

    Elsewhere it has a hidden name beside its target, and leaving the block without `publish` removes it.
    """

    def __init__(self, target: bytes) -> None:
        self._target = target
        self._temporary: bytes | None = None
        directory, _, name = target.rpartition(b"/")
        self._hidden = directory + b"/" + hidden_name(name, "put")
        self.descriptor = self._open(directory or b"/")

    def _open(self, directory: bytes) -> int:
        if _NAMELESS:
            try:
                return os.open(directory, os.O_WRONLY | _NAMELESS, 0o666)
            except OSError as error:
                if error.errno not in _NO_NAMELESS_FILES:
                    raise
        descriptor = os.open(self._hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._temporary = self._hidden
        return descriptor

    def publish(self, *, if_absent: bool) -> None:
        """Give the file its name. Raises: ObjectExists with *if_absent*."""
        if self._temporary is None:
            try:
                # the usual case, nothing there yet, needs no second name
                _link(self._nameless(), self._target, self.descriptor)
            except ObjectExists:
                if if_absent:
                    raise
                _link(self._nameless(), self._hidden, self.descriptor)
                self._temporary = self._hidden
            else:
                return
        publish(self._temporary, self._target, if_absent=if_absent)
        self._temporary = None

    def _nameless(self) -> bytes:
        return f"/proc/self/fd/{self.descriptor}".encode()

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self.descriptor)
        if self._temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)


def _link(existing: bytes, target: bytes, descriptor: int | None = None) -> None:
    try:
        # with a descriptor, which an absolute path has no use for, os.link calls linkat(2), and only that follows /proc
        os.link(existing, target, src_dir_fd=descriptor, follow_symlinks=True)
    except FileExistsError as error:
        raise ObjectExists(f"{os.fsdecode(target)} exists already") from error
