"""Peers meet; strangers, impostors and recordings get nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.errors import GatewayError, RemoteWireError
from gateway.wire.decoder import RecordDecoder
from gateway.wire.handshake import MAGIC, Handshake, Hello, Lane
from gateway.wire.link import Identity, Link
from gateway.wire.records import Kind, Ping, encode_ping

A, B = Identity.generate(), Identity.generate()
KEYS = {"a": A.public_key}


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        yield near, far


class Answer:
    """What one side of a handshake came to, found in a thread."""

    def __init__(self, act: Callable[[], object], sock: socket.socket) -> None:
        self.result: object = None
        self._act = act
        self._socket = sock
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def get(self) -> object:
        self._thread.join()
        return self.result

    def _run(self) -> None:
        try:
            self.result = self._act()
        except (GatewayError, OSError) as error:
            self.result = error
            self._socket.close()


def responding(far: socket.socket, **options: object) -> Answer:
    handshake = Handshake(B, "b", "t", **options)  # type: ignore[arg-type]  # a wire of bytes stands in for the socket
    return Answer(lambda: handshake.respond(far, KEYS.get), far)


def met(near: socket.socket, far: socket.socket, lane: Lane = Lane.FORWARD, slot: int = 3) -> tuple[Link, Link, Hello]:
    answer = responding(far)
    link = Handshake(A, "a", "t").initiate(near, "b", B.public_key, lane, slot)
    other, hello = answer.get()  # type: ignore[misc]  # an answer, not its failure
    return link, other, hello


def received(sock: socket.socket) -> bytes:
    """Return all that comes until the other end closes."""
    sock.settimeout(5)
    answer = b""
    try:
        while piece := sock.recv(4096):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def test_two_peers_meet_and_talk(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = met(*ends)[:2]

    near.send(near.seal(encode_ping(1)), near.seal(encode_ping(2)))
    near.break_off()
    decoder = RecordDecoder(far.open, frozenset({Kind.PING}))
    got = list(far.receive(decoder, lambda n: None))

    assert got == [Ping(1), Ping(2)]


@pytest.mark.parametrize("lane", list(Lane))
def test_the_hello_says_who_and_what_for(ends: tuple[socket.socket, socket.socket], lane: Lane) -> None:
    assert met(*ends, lane, 7)[2] == Hello("a", lane, 7)


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(60),
        b"\xff" * 4096,
        MAGIC + b"\x01z" + bytes(55),
        MAGIC + b"\x01a" + bytes(55),
    ],
    ids=["http", "zeros", "ones", "unknown id", "known id, no key"],
)
def test_a_stranger_is_cut_off_without_a_byte(ends: tuple[socket.socket, socket.socket], opening: bytes) -> None:
    answer = responding(ends[1])

    ends[0].sendall(opening)

    assert received(ends[0]) == b""
    assert isinstance(answer.get(), RemoteWireError)


@pytest.mark.parametrize(
    ("identity", "transfer"), [(Identity.generate(), "t"), (A, "another")], ids=["wrong key", "wrong transfer"]
)
def test_a_known_name_is_not_enough(
    ends: tuple[socket.socket, socket.socket], identity: Identity, transfer: str
) -> None:
    answer = responding(ends[1])

    with pytest.raises((RemoteWireError, ConnectionError)):
        Handshake(identity, "a", transfer).initiate(ends[0], "b", B.public_key, Lane.CONTROL, 0)

    assert isinstance(answer.get(), RemoteWireError)


def test_an_impostor_of_the_responder_is_noticed(ends: tuple[socket.socket, socket.socket]) -> None:
    impostor = Handshake(Identity.generate(), "b", "t")
    answer = Answer(lambda: impostor.respond(ends[1], KEYS.get), ends[1])

    with pytest.raises((RemoteWireError, ConnectionError)):
        Handshake(A, "a", "t").initiate(ends[0], "b", B.public_key, Lane.CONTROL, 0)

    assert isinstance(answer.get(), RemoteWireError)


def test_a_silent_or_trickling_stranger_is_cut_off_in_time(ends: tuple[socket.socket, socket.socket]) -> None:
    answer = responding(ends[1], timeout_s=0.3)
    began = time.monotonic()

    ends[0].sendall(MAGIC)
    while answer._thread.is_alive():
        answer._thread.join(0.1)
        try:
            ends[0].sendall(b"a")
        except OSError:
            break

    assert isinstance(answer.get(), (TimeoutError, RemoteWireError))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [((2, 2), (2, 2), 2), ((1, 4), (2, 3), 3), ((3, 5), (1, 3), 3), ((2, 2), (1, 65_535), 2)],
)
def test_the_highest_common_version_is_used_by_both(
    ends: tuple[socket.socket, socket.socket], ours: tuple[int, int], theirs: tuple[int, int], agreed: int
) -> None:
    answer = responding(ends[1], versions=theirs)

    link = Handshake(A, "a", "t", versions=ours).initiate(ends[0], "b", B.public_key, Lane.CONTROL, 0)
    other, _ = answer.get()  # type: ignore[misc]  # an answer, not its failure

    assert (link.version, other.version) == (agreed, agreed)


@pytest.mark.parametrize(
    ("ours", "theirs"), [((1, 2), (3, 4)), ((3, 4), (1, 2)), ((4, 3), (3, 4))], ids=["older", "newer", "upside down"]
)
def test_without_a_common_version_both_sides_say_which_there_are(
    ends: tuple[socket.socket, socket.socket], ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    answer = responding(ends[1], versions=theirs)
    words = [f"versions {low} to {high} of the wire" for low, high in (ours, theirs)]

    with pytest.raises(RemoteWireError, match=f"'b' speaks {words[1]}") as caught:
        Handshake(A, "a", "t", versions=ours).initiate(ends[0], "b", B.public_key, Lane.CONTROL, 0)

    assert "same version" in caught.value.hint
    assert f"'a' speaks {words[0]}, 'b' speaks" in str(answer.get())


def test_another_format_of_the_handshake_is_named(ends: tuple[socket.socket, socket.socket]) -> None:
    answer = responding(ends[1])

    ends[0].sendall(MAGIC[:-1] + b"\x01\x01a" + bytes(53))

    assert "format 1 of the handshake, ours is 2" in str(answer.get())


def test_a_recorded_connection_cannot_be_replayed() -> None:
    recording = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        tap_near, tap_far = socket.socketpair()
        with near, far, tap_near, tap_far:
            passing = [
                threading.Thread(target=_pass, args=(far, tap_near, recording)),
                threading.Thread(target=_pass, args=(tap_near, far, bytearray())),
            ]
            for thread in passing:
                thread.start()
            link, other, _ = met(near, tap_far)
            link.send(link.seal(encode_ping(1)))
            link.break_off()
            decoder = RecordDecoder(other.open, frozenset({Kind.PING}))
            assert list(other.receive(decoder, lambda n: None)) == [Ping(1)]
            other.break_off()
            for thread in passing:
                thread.join()
        again = socket.create_connection(server.getsockname())
        far, _ = server.accept()

    with again, far:
        answer = responding(far)
        again.sendall(recording)

        assert "not sealed with the keys of this connection" in str(answer.get())


def _pass(source: socket.socket, sink: socket.socket, recording: bytearray) -> None:
    while piece := source.recv(4096):
        recording += piece
        sink.sendall(piece)
    sink.shutdown(socket.SHUT_WR)
    source.shutdown(socket.SHUT_RD)
