"""Whoever holds no key may come as often and with what it likes: the gateway goes on, and in its bounds."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gateway.errors import RemoteWireError
from gateway.wire.handshake import MAGIC, Handshake, Lane
from gateway.wire.link import Identity
from gateway.wire.sockets import MOST_HANDSHAKES
from tests.gateway.hostile.target import STRANGERS_MAY_COST_BYTES, Peak, Target

# What a gateway has beside connections: a thread more or a pipe, opened while we look.
SLACK = 16
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32) + bytes.fromhex("20") + bytes(160)
OPENINGS = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "tls": CLIENT_HELLO,
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "noise": os.urandom(4096),
    "magic alone": MAGIC,
    "a name of 255 bytes": MAGIC + b"\xff" + b"a" * 255 + bytes(4096),
    "a name of no bytes": MAGIC + b"\x00" + bytes(4096),
    "a name that is no text": MAGIC + b"\x02\xff\xfe" + bytes(4096),
    "a peer's name and garbage": MAGIC + b"\x01a" + os.urandom(4096),
    "a peer's name and a point of small order": MAGIC + b"\x01a" + bytes(4096),
    "the target's own name": MAGIC + b"\x01b" + os.urandom(4096),
    "a newer handshake": MAGIC[:-1] + b"\xff" + b"\x01a" + os.urandom(4096),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as target:
        target.let_the_source_in()
        target.move()
        yield target


def answer_to(sock: socket.socket, opening: bytes) -> bytes:
    """Send *opening*, say that there is no more, and return what comes until the target closes."""
    got = b""
    with sock:
        with suppress(OSError):  # it may be quicker than we are
            sock.sendall(opening)
            sock.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := sock.recv(4096):
                got += piece
    return got


@contextmanager
def crowd(size: int, act: object) -> Iterator[None]:
    """Let *size* threads call *act* again and again as long as the block runs."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            with suppress(OSError):  # the target may refuse, reset or let us wait: all fine
                act()  # type: ignore[operator]  # a table of calls

    threads = [threading.Thread(target=run) for _ in range(size)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_a_stranger_gets_no_byte_and_stops_nothing(target: Target, opening: bytes) -> None:
    assert answer_to(target.dial(), opening) == b""

    target.move()


def test_a_peers_name_with_another_key_gets_no_byte(target: Target) -> None:
    handshake = Handshake(Identity.generate(), "a", "transfer-1")

    with target.dial() as sock, pytest.raises(RemoteWireError, match="closed during the handshake"):
        handshake.initiate(sock, "b", Identity(target.keys["b"]).public_key, Lane.CONTROL, 0)

    target.move()


def test_whoever_says_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    with Target(tmp_path) as target, ExitStack() as held:
        silent = [held.enter_context(target.dial()) for _ in range(3 * MOST_HANDSHAKES)]
        for number, sock in enumerate(silent):
            with suppress(OSError):
                sock.sendall((MAGIC + b"\x01a" + bytes(53))[: number % 60])  # some stop within the handshake

        target.let_the_source_in()

        target.move()


def test_a_flood_from_elsewhere_keeps_nobody_out(tmp_path: Path) -> None:
    with Target(tmp_path) as target:
        held: list[socket.socket] = []

        def come() -> None:
            held.append(target.dial("127.0.0.2"))
            if len(held) > 4 * MOST_HANDSHAKES:
                held.pop(0).close()

        with crowd(2, come):
            target.let_the_source_in()
            target.move()
        for sock in held:
            sock.close()


def test_strangers_fill_neither_memory_nor_the_log(target: Target) -> None:
    peak, logged = Peak(target.process), len(target.log)

    for _ in range(20):
        with ExitStack() as held:
            for number in range(MOST_HANDSHAKES):
                sock = held.enter_context(target.dial())
                with suppress(OSError):
                    sock.sendall(list(OPENINGS.values())[number % len(OPENINGS)])
            peak.look()
        target.move()

    assert peak.grown_bytes < STRANGERS_MAY_COST_BYTES
    assert len(target.log) - logged < 16 * 1024


@pytest.mark.slow
def test_ten_thousand_connections_leave_the_target_in_its_bounds(target: Target) -> None:
    count = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in {resource.RLIM_INFINITY} and hard < count + 200:
        pytest.skip(f"this process may have {hard} descriptors, {count} connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    peak = Peak(target.process)

    with ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(count):
            held.enter_context(target.dial(f"127.0.0.{1 + number % 8}"))
            if number % 500 == 0:
                peak.look()
        target.move()
        peak.look()

    assert peak.grown_bytes < STRANGERS_MAY_COST_BYTES
    assert peak.threads < MOST_HANDSHAKES + SLACK + 64
    target.move()
