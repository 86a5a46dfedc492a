"""Keys as paths, and what must be there before a file can be written."""

# Paths are bytes here, which pathlib does not know: a locale must not change a key.
# ruff: noqa: PTH102, PTH112, PTH114
from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from typing import TypeVar

from gateway.errors import ObjectMissing, StoreError
from gateway.stores.local.files import is_hidden_name

_T = TypeVar("_T")


def path_of(key: str) -> bytes:
    """
    Return the path of *key*.

    Raises:
        StoreError: A path cannot say this key: the file would land somewhere else, or on another key's file.
    """
    names = key.removesuffix("/").split("/")
    if key and (not {"", ".", ".."}.isdisjoint(names) or "\0" in key):
        raise StoreError(
            f"{'/' + key!r} cannot be a file: a component is empty, '.' or '..', or holds a NUL",
            hint="copy such keys to an object store",
        )
    try:
        return b"/" + key.encode()
    except UnicodeEncodeError as error:
        raise StoreError(f"{'/' + key!a} is not Unicode text") from error


def temporary_of(key: str, token: str) -> bytes:
    """
    Return the path of the hidden file that *token* names beside *key*.

    Raises:
        ObjectMissing: *token*, which came over the network, is no such name.
    """
    name = token.encode("utf-8", "replace")
    if b"/" in name or b"\0" in name or not is_hidden_name(name):
        raise ObjectMissing(f"no upload of /{key} is called {token!r}")
    return path_of(key).rpartition(b"/")[0] + b"/" + name


def with_parents(path: bytes, make: Callable[[], _T]) -> _T:
    """Return what *make* does, after making the directories of *path* where they are missing."""
    with contextlib.suppress(FileNotFoundError):
        return make()
    make_directory(path.rpartition(b"/")[0])
    return make()


def make_directory(path: bytes) -> None:
    """Make the directory *path* and those above it, where they are missing; `os.makedirs` recurses at each level."""
    missing = []
    while True:
        try:
            os.mkdir(path)
        except FileNotFoundError:
            missing.append(path)
            path = path.rpartition(b"/")[0] or b"/"
        except FileExistsError:
            if not os.path.isdir(path):
                raise
            break
        else:
            break
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            os.mkdir(directory)


def refuse_directory(path: bytes) -> None:
    """Raise: IsADirectoryError, where *path* is one: a file cannot replace it, whatever the system call would say."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
