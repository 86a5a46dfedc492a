"""What the kernel can do: bytes through plain TCP connections between two processes, threads and large buffers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

BUFFER_BYTES = 1 << 20
_GO = b"g"


def plain_tcp_s(total_bytes: int, *, connections: int, congestion: str) -> float:
    """Return the seconds that *total_bytes* take over *connections* from one process to another, over loopback."""
    share = total_bytes // connections
    with socket.create_server(("127.0.0.1", 0), backlog=connections) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.plain_tcp", str(port), str(connections), str(share), congestion]
        with subprocess.Popen(command) as sender:
            sockets = [listener.accept()[0] for _ in range(connections)]
            began_s = time.perf_counter()
            _each(sockets, lambda sock: _receive(sock, share))
            seconds = time.perf_counter() - began_s
            for sock in sockets:
                sock.close()
    if sender.returncode:
        raise RuntimeError(f"the sender ended with {sender.returncode}")
    return seconds


def _receive(sock: socket.socket, size_bytes: int) -> None:
    sock.sendall(_GO)
    buffer = memoryview(bytearray(BUFFER_BYTES))
    left = size_bytes
    while left:
        n = sock.recv_into(buffer, min(left, BUFFER_BYTES), socket.MSG_WAITALL)
        if not n:
            raise RuntimeError(f"{left} bytes did not come")
        left -= n


def _send(sock: socket.socket, size_bytes: int) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = memoryview(bytearray(b"x" * BUFFER_BYTES))
    sock.recv(len(_GO))
    left = size_bytes
    while left:
        n = min(left, BUFFER_BYTES)
        sock.sendall(buffer[:n])
        left -= n


def _each(sockets: list[socket.socket], work: object) -> None:
    assert callable(work)
    threads = [threading.Thread(target=work, args=(sock,)) for sock in sockets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _connect(port: int, congestion: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    sock.connect(("127.0.0.1", port))
    return sock


def main(port: int, connections: int, share_bytes: int, congestion: str) -> None:
    """Be the sender."""
    sockets = [_connect(port, congestion) for _ in range(connections)]
    _each(sockets, lambda sock: _send(sock, share_bytes))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
