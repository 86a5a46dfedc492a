"""TLS carries what a socket carries: both ways at once, to its end, and within its time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from gateway.errors import RemoteWireError
from gateway.wire.decoder import RecordDecoder
from gateway.wire.link import Link
from gateway.wire.records import Kind, Ping, encode_ping
from gateway.wire.tls import STEP_BYTES, TlsSocket
from tests.gateway.authorities import everybody


@pytest.fixture
def streams() -> Iterator[tuple[TlsSocket, TlsSocket]]:
    """The two ends of one TLS connection; the first one dialled."""
    tls = everybody("a", "b")
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    answers: list[TlsSocket] = []
    thread = threading.Thread(target=lambda: answers.append(tls["b"].answer(far, 5)))
    thread.start()
    dialled = tls["a"].dial(near, "b", 5)
    thread.join()
    for stream in (dialled, answers[0]):
        stream.settimeout(None)
    with near, far:
        yield dialled, answers[0]


def read(stream: TlsSocket, size_bytes: int) -> bytes:
    buffer = bytearray(size_bytes)
    return bytes(buffer[: stream.recv_into(memoryview(buffer), size_bytes, socket.MSG_WAITALL)])


@pytest.mark.parametrize("size_bytes", [1, 16 * 1024, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES + 7])
def test_what_is_sent_in_pieces_arrives_whole_whichever_way(
    streams: tuple[TlsSocket, TlsSocket], size_bytes: int
) -> None:
    a, b = streams
    payload = bytes(range(251)) * (size_bytes // 251 + 1)
    payload = payload[:size_bytes]

    for here, there in ((a, b), (b, a)):
        sender = threading.Thread(target=here.sendmsg, args=([b"head", memoryview(payload)],))
        sender.start()
        got = read(there, size_bytes + 4)
        sender.join()

        assert got == b"head" + payload


def test_both_ways_at_once_by_two_threads_each(streams: tuple[TlsSocket, TlsSocket]) -> None:
    a, b = streams
    payload, count = bytes(range(256)) * 2048, 20
    got: dict[str, int] = {}

    def drain(name: str, stream: TlsSocket) -> None:
        got[name] = sum(read(stream, len(payload)) == payload for _ in range(count))

    def feed(stream: TlsSocket) -> None:
        for _ in range(count):
            stream.sendall(payload)

    threads = [threading.Thread(target=drain, args=end) for end in (("a", a), ("b", b))]
    threads += [threading.Thread(target=feed, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == {"a": count, "b": count}


def test_the_end_and_a_cut_look_like_those_of_a_socket(streams: tuple[TlsSocket, TlsSocket]) -> None:
    a, b = streams

    a.sendall(b"last")
    a.shutdown(socket.SHUT_WR)

    assert read(b, 100) == b"last"
    assert read(b, 100) == b""


def test_opening_what_came_is_work_and_no_waiting(streams: tuple[TlsSocket, TlsSocket]) -> None:
    a, b = (Link(stream, b"1" * 32, b"1" * 32) for stream in streams)
    b.accept_header(a.header)
    decoder = RecordDecoder(b.open, frozenset({Kind.PING}))

    a.send(a.seal(encode_ping(1)))

    assert next(b.receive(decoder, lambda _: None)) == Ping(1)
    assert streams[1].opening_s > 0
    assert b.waited_s == b._receiving_s - streams[1].opening_s


def test_a_bit_that_was_turned_on_the_way_ends_the_connection(streams: tuple[TlsSocket, TlsSocket]) -> None:
    a, b = streams
    a.plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))

    with pytest.raises(RemoteWireError, match="no TLS connection"):
        read(b, 1)


def test_a_connection_ends_before_its_keys_are_worn(streams: tuple[TlsSocket, TlsSocket]) -> None:
    a, b = streams
    a.records_left = 2

    a.sendall(b"one")
    a.sendall(bytes(9))
    with pytest.raises(ConnectionAbortedError, match="used up"):
        a.sendall(b"three")

    assert read(b, 12) == b"one" + bytes(9)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "trickling"])
def test_who_does_not_finish_the_handshake_is_cut_off_in_time(said: bytes) -> None:
    tls = everybody("b")["b"]
    near, far = socket.socketpair()
    with near, far:
        near.sendall(said)
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.05):
                near.sendall(b"\0")

        thread = threading.Thread(target=trickle)
        if said:
            thread.start()
        began = time.monotonic()

        with pytest.raises((TimeoutError, RemoteWireError)):
            tls.answer(far, 0.4)

        assert time.monotonic() - began < 3
        stop.set()
        if said:
            thread.join()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(600),
        b"skytf\0\0\2\1a" + bytes(80),
        b"\x16\x03\x01\x00\x20\x01\x00\x00\x1c" + bytes(28),  # OpenSSL would send an alert
    ],
    ids=["http", "zeros", "a link without TLS", "no client hello"],
)
def test_who_speaks_no_tls_is_told_nothing(garbage: bytes) -> None:
    tls = everybody("b")["b"]
    near, far = socket.socketpair()
    with near:
        with far:
            near.sendall(garbage)
            with pytest.raises(RemoteWireError, match="no TLS connection"):
                tls.answer(far, 5)
        near.settimeout(5)
        try:
            told = near.recv(100)
        except ConnectionResetError:
            told = b""

        assert told == b""
