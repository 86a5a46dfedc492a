"""
Serve one archive to other hosts. This file runs on a host, with the host's Python and nothing else: standard library.

``python3 -I -S -c <this text> ARCHIVE ADDRESS FIRST LAST`` takes the last free port of the range, says ``SERVING PORT``
and sends the archive to whoever says the token, the first line of stdin. It ends when stdin does, which is when the
SSH session ends that started it. ARCHIVE loses its name at once, so nothing is left however this ends.

What is served is public code, so nothing is encrypted; who fetches it knows its SHA-256 from the operator.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import sys
import threading
from pathlib import Path

_AT_ONCE = 4
_BACKLOG = 128
_SILENCE_S = 30.0
_BLOCK_BYTES = 1 << 20
_LONGEST_TOKEN = 200


def listen(address: str, first: int, last: int) -> socket.socket:
    """Return a socket that listens on the last free port from *first* to *last*: daemons take the first ones."""
    for port in range(last, first - 1, -1):
        with contextlib.suppress(OSError):
            return socket.create_server((address, port), backlog=_BACKLOG, family=_family(address))
    sys.exit(f"no port from {first} to {last} is free on {address}")


def accept(listening: socket.socket, archive: int, token: bytes) -> None:
    """Answer connections for ever, a few at a time; the others wait in the backlog."""
    turns = threading.Semaphore(_AT_ONCE)
    while True:
        turns.acquire()
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection, archive, token, turns), daemon=True).start()


def answer(connection: socket.socket, archive: int, token: bytes, turns: threading.Semaphore) -> None:
    """Send the archive, if the token is right."""
    try:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as asked:
            connection.settimeout(_SILENCE_S)
            if hmac.compare_digest(asked.readline(_LONGEST_TOKEN).strip(), token):
                offset = 0
                while block := os.pread(archive, _BLOCK_BYTES, offset):
                    connection.sendall(block)
                    offset += len(block)
    finally:
        turns.release()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def main(archive: str, address: str, first: str, last: str) -> None:
    """Serve until stdin ends."""
    opened = os.open(archive, os.O_RDONLY)
    Path(archive).unlink()
    token = sys.stdin.buffer.readline().strip()
    listening = listen(address, int(first), int(last))
    sys.stdout.write(f"SERVING {listening.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=accept, args=(listening, opened, token), daemon=True).start()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
