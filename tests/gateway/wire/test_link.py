"""A link carries records in order, ends cleanly, and never spins."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from gateway.errors import LocalWireError, RemoteWireError
from gateway.wire.decoder import RecordDecoder
from gateway.wire.link import Identity, Link, shut
from gateway.wire.records import Kind, Ping, encode_ping


@pytest.fixture
def links() -> Iterator[tuple[Link, Link, socket.socket]]:
    """Two linked ends, and the first one's raw socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        a, b = Link(near, b"1" * 32, b"2" * 32), Link(far, b"2" * 32, b"1" * 32)
        a.accept_header(b.header)
        b.accept_header(a.header)
        yield a, b, near


def pings(link: Link) -> Iterator[object]:
    return link.receive(RecordDecoder(link.open, frozenset({Kind.PING})), lambda n: None)


def test_the_private_key_is_in_no_repr() -> None:
    identity = Identity(b"secret-secret-secret-secret-secr")

    assert "secret" not in repr(identity)
    assert len(identity.public_key) == 32


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(LocalWireError, match="32 bytes"):
        Identity(b"short")


def test_a_buffer_larger_than_the_kernels_arrives_whole(links: tuple[Link, Link, socket.socket]) -> None:
    a, _, near = links
    payload = memoryview(bytes(range(256)) * (64 << 10))
    got = bytearray()
    far = links[1]._socket
    reader = threading.Thread(target=lambda: [got.extend(piece) for piece in iter(lambda: far.recv(1 << 20), b"")])
    reader.start()

    sent = a.send(b"head", payload[:7], payload[7:])
    shut(near)
    reader.join()

    assert sent == len(payload) + 4
    assert got == b"head" + payload


def test_a_record_out_of_order_is_refused(links: tuple[Link, Link, socket.socket]) -> None:
    a, b, _ = links
    first, second = a.seal(encode_ping(1)), a.seal(encode_ping(2))

    a.send(second, first)

    with pytest.raises(RemoteWireError, match="not sealed with the keys"):
        next(pings(b))


def test_the_end_between_records_is_an_end_and_within_one_an_error(links: tuple[Link, Link, socket.socket]) -> None:
    a, b, _ = links
    record = a.seal(encode_ping(1))
    events = pings(b)

    a.send(record, record[:10])
    a.break_off()

    assert next(events) == Ping(1)
    with pytest.raises(RemoteWireError, match="in the middle of a record"):
        next(events)


def test_what_a_broken_connection_leaves_behind_is_no_sign_of_life(links: tuple[Link, Link, socket.socket]) -> None:
    a, b, _ = links
    record = a.seal(encode_ping(1))
    heard: list[int] = []
    received: list[int] = []
    b.on_received = received.append

    a.send(record, record[:10])
    a.break_off()
    with pytest.raises(RemoteWireError, match="in the middle of a record"):
        list(b.receive(RecordDecoder(b.open, frozenset({Kind.PING})), heard.append))

    assert len(record) <= sum(heard) < sum(received)
    assert sum(received) == len(record) + 10


def test_waiting_and_the_peers_end_cost_no_cpu(links: tuple[Link, Link, socket.socket]) -> None:
    a, b, _ = links
    ended = threading.Event()
    events: list[object] = []

    def read() -> None:
        events.extend(pings(b))
        ended.set()

    before = time.process_time()
    reader = threading.Thread(target=read)
    reader.start()
    assert not ended.wait(0.5)
    a.break_off()
    assert ended.wait(5)
    reader.join()

    assert events == []
    assert time.process_time() - before < 0.25


def test_breaking_off_wakes_a_sender_whose_peer_is_full(links: tuple[Link, Link, socket.socket]) -> None:
    a, _, _ = links
    failures: list[OSError] = []

    def send() -> None:
        try:
            a.send(bytes(256 << 20))
        except OSError as error:
            failures.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    sender.join(0.2)
    assert sender.is_alive()

    a.break_off()
    sender.join(5)

    assert len(failures) == 1


def test_a_closed_link_is_not_looked_at(links: tuple[Link, Link, socket.socket]) -> None:
    a, _, near = links
    number = near.fileno()

    assert a.inspect(lambda sock: sock.fileno()) == number
    a.close()
    assert a.inspect(lambda sock: sock.fileno()) is None
