"""A proxy command: ``python forwarder.py HOST PORT COUNT_FILE`` is a TCP connection that counts what it sends."""

from __future__ import annotations

import os
import socket
import sys
import threading

_BLOCK_BYTES = 1 << 16


def main(host: str, port: str, count_file: str) -> None:
    """Forward until either side ends; the bytes that went to the host are in *count_file* from then on."""
    sent = 0
    counted = os.open(count_file, os.O_WRONLY | os.O_CREAT, 0o600)
    with socket.create_connection((host, int(port))) as connection:
        sys.stderr.write(f"forwarding to {host}\n")
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()
        while block := os.read(0, _BLOCK_BYTES):
            connection.sendall(block)
            sent += len(block)
            os.pwrite(counted, b"%12d" % sent, 0)  # whole, even if we are killed


def _answer(connection: socket.socket) -> None:
    while block := connection.recv(_BLOCK_BYTES):
        os.write(1, block)
    os.close(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
