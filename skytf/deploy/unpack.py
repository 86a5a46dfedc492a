"""
Unpack a tree. This file runs on the host, with the host's Python and nothing else: standard library only.

``python3 -I -S -c <this text> ARCHIVE TREE``: the directory TREE appears whole or not at all, also
when two hosts with one disk do it at once; ARCHIVE is removed.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path

# What an unpacking that was killed left behind is removed by one that comes a day later.
_STALE_S = 24 * 3600


def unpack(archive: Path, tree: Path) -> None:
    """Make *tree* from *archive*, bytecode included, unless somebody else was faster; remove *archive*."""
    _sweep(tree.parent)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=tree.parent))
    try:
        with tarfile.open(archive) as packed:
            # The filter is younger than Python 3.11.0 (Debian 12 has 3.11.2); the archive is ours and digested anyway.
            packed.extraction_filter = getattr(tarfile, "data_filter", None)
            packed.extractall(new)  # noqa: S202 - see above
        # Names are content hashes: a tree never changes, so its bytecode need not be checked against it.
        compileall.compile_dir(
            new, quiet=2, stripdir=str(new), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
        new.chmod(0o755)
        _rename(new, tree)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        archive.unlink(missing_ok=True)


def _rename(new: Path, tree: Path) -> None:
    try:
        new.rename(tree)
    except OSError:
        # the other one's tree stands there, and has the same content
        if not tree.is_dir():
            raise


def _sweep(directory: Path) -> None:
    for left in [*directory.glob(".new-*"), *directory.glob(".incoming-*")]:
        try:
            if time.time() - left.stat().st_mtime < _STALE_S:
                continue
        except FileNotFoundError:
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


if __name__ == "__main__":
    os.umask(0o022)
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
