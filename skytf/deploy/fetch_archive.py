"""
Fetch an archive from another host. This file runs on a host, with the host's Python and nothing else: standard library.

``python3 -I -S -c <this text> ARCHIVE`` reads ``{"address", "port", "token", "sha256"}`` from stdin. ARCHIVE is written
whole and with that hash, or there is none.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from pathlib import Path

_CONNECT_S = 5.0
_SILENCE_S = 30.0
_BLOCK_BYTES = 1 << 20


def fetch(archive: Path, address: str, port: int, token: str, sha256: str) -> None:
    """Write *archive*; exit with a sentence where another file came than the one that was meant."""
    digest = hashlib.sha256()
    try:
        with socket.create_connection((address, port), timeout=_CONNECT_S) as served, archive.open("wb") as file:
            served.settimeout(_SILENCE_S)
            served.sendall(f"{token}\n".encode())
            while block := served.recv(_BLOCK_BYTES):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            sys.exit(f"what {address} sent is damaged or not whole")
    except BaseException:
        archive.unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    fetch(Path(sys.argv[1]), **json.loads(sys.stdin.read()))
