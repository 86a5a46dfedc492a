"""Peers inside TLS: all that holds without it holds with it, and who is not certified never comes up."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.program import Peer
from gateway.wire import tls as module
from gateway.wire.certificates import Tls
from gateway.wire.frame import Message
from gateway.wire.sockets import MOST_HANDSHAKES
from tests.gateway.authorities import everybody
from tests.gateway.fleet import SLICE_BYTES, Gateway, Proxy, introduce
from tests.gateway.wire.test_peers import PAYLOADS, memory_comes_back, send


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def pair(closing: ExitStack, *, a_dials: bool = True, tls: dict[str, Tls] | None = None) -> tuple[Gateway, Gateway]:
    tls = tls or everybody("a", "b")
    a = Gateway("a", (Peer("b", a_dials, 2),), tls=tls["a"])
    b = Gateway("b", (Peer("a", not a_dials, 2),), tls=tls["b"])
    for gateway in (a, b):
        closing.callback(gateway.peers.close)
    return a, b


def meet(a: Gateway, b: Gateway) -> None:
    introduce(a, b)
    assert a.is_up("b")
    assert b.is_up("a")


@pytest.mark.parametrize("a_dials", [True, False])
def test_frames_and_messages_travel_both_ways(closing: ExitStack, a_dials: bool) -> None:
    a, b = pair(closing, a_dials=a_dials)
    meet(a, b)

    from_a = threading.Thread(target=send, args=(a, ("b",), PAYLOADS * 5))
    from_a.start()
    sent = send(b, ("a",), PAYLOADS * 5)
    a.peers.send_message(Message("b", "a", "open", b"seal"))
    from_a.join()

    assert a.wait(lambda: a.payloads == sent)
    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert b.wait(lambda: b.messages == [Message("b", "a", "open", b"seal")])
    assert memory_comes_back(a, b)


def test_connections_that_are_cut_or_worn_lose_no_frame(closing: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS connection ends by itself when its keys have sealed enough; here after a few slices."""
    monkeypatch.setattr(module, "MOST_RECORDS", 300)
    a, b = pair(closing)
    meet(a, b)

    sent = send(a, ("b",), [os.urandom(4 * SLICE_BYTES) for _ in range(30)])

    assert b.wait(lambda: b.payloads == sent)
    assert a.peers.counters()["frames_resent"] >= 1
    assert memory_comes_back(a, b)
    assert a.transitions == [("b", True)]


def test_close_is_quick_though_the_peer_hangs(closing: ExitStack) -> None:
    tls = everybody("a", "b")
    a, b = pair(closing, tls=tls)
    proxy = closing.enter_context(Proxy(b.port))
    introduce(a, b, ports={"b": proxy.port})
    assert a.is_up("b")
    closing.callback(proxy.thaw)
    proxy.freeze()
    send(a, ("b",), [os.urandom(4 * SLICE_BYTES)] * 4)

    began = time.monotonic()
    a.peers.close()

    assert time.monotonic() - began < 1.0
    assert memory_comes_back(a)


def test_who_is_certified_for_another_transfer_never_comes_up(closing: ExitStack) -> None:
    """Both hold the right link keys: without TLS they would meet."""
    a, b = pair(closing, tls={"a": everybody("a")["a"], "b": everybody("b")["b"]})

    introduce(a, b)

    assert not a.wait(lambda: bool(a.transitions), 1.0)
    assert b.transitions == []


def test_strangers_who_say_nothing_or_garbage_keep_no_peer_out(closing: ExitStack) -> None:
    a, b = pair(closing)
    for number in range(MOST_HANDSHAKES + 10):
        stranger = closing.enter_context(socket.create_connection(("127.0.0.1", b.port)))
        stranger.sendall(b"\x16\x03\x01" if number % 2 else b"")

    meet(a, b)
    sent = send(a, ("b",), [b"still works"])

    assert b.wait(lambda: b.payloads == sent)
