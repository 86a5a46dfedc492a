"""
The trees that a gateway runs from: what is shipped, named by what went into it.

A tree is a directory for ``sys.path``, packed as tar.gz: one with the dependencies of every gateway, one with the SDK
of each kind of store, one with zstd, one with our own code. Its name ends in a hash of everything that decides its
content, so a host that has a tree of that name needs nothing sent.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import platformdirs

import gateway
from skytf.deploy import packages
from skytf.deploy.cancel import Cancel
from skytf.deploy.packages import Packages, Platform

# Counts up when trees are built in another way from the same lock.
_FORMAT = 1
_PACKAGE = Path(gateway.__file__).parent
_HASH_CHARS = 16
# Level 1: 0.5 s for a core tree of 12 MB; level 6 takes five times as long for 10 % less.
_COMPRESS_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree by *name*; `archive` makes it on first use. ``packages`` is what it consists of, if nothing else."""

    name: str
    fill: Callable[[Path, Cancel], None]
    packages: Packages | None = None

    def archive(self, cancel: Cancel) -> Path:
        """
        Return the packed tree in the cache, built if it is not there. Safe with several threads and processes.

        Raises:
            HostError: The packages cannot be had.
            Cancelled: *cancel* was set, while another skytf builds the tree too.
        """
        packed = cache_dir() / "trees" / f"{self.name}.tar.gz"
        with _locked(packed, cancel):
            if not packed.exists():
                self._build(packed, cancel)
        return packed

    def _build(self, packed: Path, cancel: Cancel) -> None:
        # One place per tree, under its lock: what a build that was killed left behind is removed by the next.
        scratch = packed.with_name(f".building-{self.name}")
        shutil.rmtree(scratch, ignore_errors=True)
        content = scratch / "tree"
        content.mkdir(parents=True)
        try:
            self.fill(content, cancel)
            new = scratch / "tree.tar.gz"
            _pack(content, new)
            new.replace(packed)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def trees_for(extras: Iterable[str], platform: Platform) -> tuple[Tree, ...]:
    """
    Return the trees of a gateway that works with *extras* (schemes of stores, codecs), in the order of ``sys.path``.

    One without a lock of its own (paths, lz4) needs no tree.
    """
    locks = [extra for extra in sorted(set(extras)) if _lock_file(extra).exists()]
    return (code_tree(), deps_tree("core", platform), *(deps_tree(lock, platform) for lock in locks))


def deps_tree(lock: str, platform: Platform) -> Tree:
    """Return the packages of ``gateway/requirements/<lock>.lock`` for *platform*."""
    lock_file = _lock_file(lock)
    inputs = (str(_FORMAT), platform.python, platform.uv_name(), lock_file.read_text())

    def fill(directory: Path, cancel: Cancel) -> None:
        packages.install(lock_file, directory, platform, cancel)

    name = f"deps-{lock}-{_hash(part.encode() for part in inputs)}"
    return Tree(name, fill, Packages(lock_file, platform))


@cache
def code_tree() -> Tree:
    """Return the package ``gateway``, as this process runs it."""
    sources = {path.relative_to(_PACKAGE).as_posix(): path.read_bytes() for path in sorted(_PACKAGE.rglob("*.py"))}

    def fill(directory: Path, _cancel: Cancel) -> None:
        for name, source in sources.items():
            target = directory / "gateway" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source)

    parts = (part for name, source in sources.items() for part in (name.encode(), source))
    return Tree(f"code-{_hash([str(_FORMAT).encode(), *parts])}", fill)


def cache_dir() -> Path:
    """Return where packed trees are kept: ``$SKYTF_CACHE``, else the user's cache directory."""
    return Path(os.environ.get("SKYTF_CACHE") or platformdirs.user_cache_dir("skytf"))


def _lock_file(lock: str) -> Path:
    return _PACKAGE / "requirements" / f"{lock}.lock"


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_HASH_CHARS]


@contextmanager
def _locked(packed: Path, cancel: Cancel) -> Iterator[None]:
    # Gateways run what lies here: whoever else could write, could run code on them.
    for directory in (packed.parent.parent, packed.parent):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with packed.with_name(f"{packed.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_for(lock, cancel)
            cancel.check(packed.name)
        yield


def _wait_for(lock: IO[str], cancel: Cancel) -> None:
    """Return with the lock, or when *cancel* was set."""
    # No thread can interrupt another's flock; a child can be ended, and what it locks through our descriptor is ours.
    argv = [sys.executable, "-I", "-S", "-c", "import fcntl; fcntl.flock(0, fcntl.LOCK_EX)"]
    with subprocess.Popen(argv, stdin=lock, start_new_session=True) as waiting, cancel.closing(waiting.kill):
        waiting.wait()


def _pack(content: Path, packed: Path) -> None:
    """Pack the files below *content* so that the same files give the same bytes."""
    with (
        packed.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_COMPRESS_LEVEL, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(content.rglob("*")):
            name = path.relative_to(content)
            if path.is_file() and _shipped(name):
                with path.open("rb") as source:
                    archive.addfile(_entry(name, source), source)
    # It gets its name next: after a power cut a file of that name must not be an empty one.
    with packed.open("rb") as written:
        os.fsync(written.fileno())


def _entry(name: Path, source: IO[bytes]) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name.as_posix())
    entry.size = os.fstat(source.fileno()).st_size
    entry.mode = 0o644
    return entry


def _shipped(name: Path) -> bool:
    # Scripts name the Python of this machine, and bytecode is made on the host by its own Python.
    return name.parts[0] != "bin" and name.suffix != ".pyc" and name.name not in (".lock", "uv_cache.json")
