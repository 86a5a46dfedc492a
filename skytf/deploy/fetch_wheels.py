"""
Make the archive of a tree from wheels of a package index. This file runs on a host, with the host's Python and nothing
else: standard library only.

``python3 -I -S -c <this text> ARCHIVE`` reads ``[{"url", "sha256"}, …]`` from stdin. ARCHIVE is a tar of what an
installer would put on ``sys.path``: no scripts, no headers. It is written whole, from files with these hashes, or there
is none.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_AT_ONCE = 4
_SILENCE_S = 15.0
_LARGEST_BYTES = 256 << 20
# What a wheel keeps apart, and an installer puts into the same directory; the rest of it is not for sys.path.
_PLACES = ("purelib", "platlib", "data")


def fetch(archive: Path, wheels: list[dict[str, str]]) -> None:
    """Write *archive*; exit with a sentence where a wheel is not the one that was meant."""
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool, tarfile.open(archive, "w") as packed:
            try:
                for content in pool.map(lambda wheel: download(**wheel), wheels):
                    add(packed, content)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BaseException:
        archive.unlink(missing_ok=True)
        raise


def download(url: str, sha256: str) -> bytes:
    """Return the wheel at *url*."""
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_S) as answer:  # noqa: S310 - http(s), see index.py
            content: bytes = answer.read(_LARGEST_BYTES)
    except OSError as error:
        sys.exit(f"{url}: {error}")
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"{url} is not the file that was locked")
    return content


def add(packed: tarfile.TarFile, content: bytes) -> None:
    """Add the files of the wheel *content* to *packed*."""
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        for member in wheel.infolist():
            name = place(member.filename)
            if name and not member.is_dir():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = member.file_size, 0o644
                with wheel.open(member) as file:
                    packed.addfile(entry, file)


def place(name: str) -> str:
    """Return where the file *name* of a wheel goes, empty where nowhere."""
    first, _, rest = name.partition("/")
    if not first.endswith(".data"):
        return name
    kind, _, below = rest.partition("/")
    return below if kind in _PLACES else ""


if __name__ == "__main__":
    fetch(Path(sys.argv[1]), json.loads(sys.stdin.read()))
