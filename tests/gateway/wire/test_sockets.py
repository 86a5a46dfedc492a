"""What strangers can make us hold is bounded, and shared fairly among the addresses they come from."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from gateway.wire.sockets import MOST_HANDSHAKES, Acceptor, Complaints, Crew


class Door:
    """An acceptor whose handshakes last until the other side hangs up."""

    def __init__(self) -> None:
        self.crew = Crew()
        self.arrived: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.most = 0
        self._lock = threading.Lock()
        self._now = 0
        self.acceptor = Acceptor(self.crew, "127.0.0.1", 0, self._serve)

    def dial(self, host: str) -> socket.socket:
        """Return a connection from *host* that the acceptor serves already."""
        sock = socket.create_connection(("127.0.0.1", self.acceptor.port), timeout=10, source_address=(host, 0))
        assert self.arrived.get(timeout=10) == host
        return sock

    def close(self) -> None:
        self.crew.close()
        self.acceptor.close()
        self.crew.join(10)

    def _serve(self, sock: socket.socket, handshaken: Callable[[], None]) -> None:
        with self.crew.opening(sock):
            self.arrived.put(sock.getpeername()[0])
            sock.recv(1)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


def is_open(sock: socket.socket) -> bool:
    """Return whether the other end holds *sock*, which says nothing."""
    sock.settimeout(0.2)
    try:
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_one_handshake_too_many_ends_the_oldest(door: Door) -> None:
    held = [door.dial("127.0.0.1") for _ in range(MOST_HANDSHAKES + 1)]

    held[0].settimeout(10)
    assert held[0].recv(1) == b""
    assert is_open(held[1])
    assert is_open(held[-1])
    for sock in held:
        sock.close()


def test_a_crowd_from_one_address_ends_nobody_at_another(door: Door) -> None:
    slow = door.dial("127.0.0.1")
    held = [door.dial("127.0.0.2") for _ in range(3 * MOST_HANDSHAKES)]

    assert is_open(slow)
    held[0].settimeout(10)
    assert held[0].recv(1) == b""
    for sock in (slow, *held):
        sock.close()


def test_who_has_just_been_in_the_log_is_counted_for_the_next_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 100.0
    monkeypatch.setattr("gateway.wire.sockets.time.monotonic", lambda: now_s)
    complaints = Complaints()

    for _ in range(3):
        complaints.say(logging.WARNING, "somebody", OSError("gone"))
    complaints.say(logging.WARNING, "a", OSError("gone"))
    now_s += 11
    complaints.say(logging.WARNING, "somebody", OSError("away"))

    assert caplog.messages == [
        "a connection from somebody has ended: gone",
        "a connection from a has ended: gone",
        "a connection from somebody has ended: away (2 more were not told)",
    ]
