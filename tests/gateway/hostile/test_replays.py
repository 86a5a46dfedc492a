"""Whoever listens on the line and plays it again, in whole or in part, gets nothing in and nothing out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.gateway.hostile.target import Target

# What a responder says to a first message that was valid once: its own, and the header of its stream.
ANSWER_BYTES = 52 + 24


class Tap:
    """A proxy in front of *port* that writes down what each client said."""

    def __init__(self, port: int) -> None:
        self.said: list[bytearray] = []
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self.said.append(bytearray())
                self._sockets += [near, far]
                for source, sink, recording in ((near, far, self.said[-1]), (far, near, bytearray())):
                    self._threads.append(threading.Thread(target=self._pass, args=(source, sink, recording)))
                    self._threads[-1].start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket, recording: bytearray) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                recording += piece
                sink.sendall(piece)
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Target, list[bytes]]]:
    """Return a target and what its source said on each connection: a handshake, then frames or messages."""
    with Target(tmp_path_factory.mktemp("target")) as target:
        tap = Tap(target.port)
        try:
            target.let_the_source_in(tap.port)
            target.move()
            yield target, [bytes(said) for said in tap.said if said]
        finally:
            tap.close()


def played(target: Target, recording: bytes) -> bytes:
    """Say *recording* to the target, and return its answer once it has closed the connection."""
    answer = b""
    with target.dial() as sock:
        with suppress(ConnectionResetError, BrokenPipeError):  # it may be quicker than we are
            sock.sendall(recording)
        with suppress(ConnectionResetError):
            while piece := sock.recv(4096):
                answer += piece
    return answer


def test_a_recording_shows_nothing_of_what_is_moved(recorded: tuple[Target, list[bytes]]) -> None:
    whole = b"".join(recorded[1])

    assert len(whole) > 1_000_000
    assert not [shown for shown in (b"large0", b"threshold", b"text text", b"receipt") if shown in whole]


def test_an_opening_played_again_gets_an_answer_and_no_more(recorded: tuple[Target, list[bytes]]) -> None:
    target, said = recorded
    got = b""

    with target.dial() as sock:
        sock.sendall(said[0][: 8 + 1 + 1 + 55])
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(4096):
            got += piece

    assert len(got) == ANSWER_BYTES


def test_a_whole_connection_played_again_changes_nothing(recorded: tuple[Target, list[bytes]]) -> None:
    target, said = recorded
    before = target.copies()

    answers = [len(played(target, recording)) for recording in said]

    assert set(answers) <= {0, ANSWER_BYTES}
    target.move()
    assert target.copies() == before


@pytest.mark.parametrize("times", [200])
def test_an_opening_played_again_and_again_keeps_nobody_out(recorded: tuple[Target, list[bytes]], times: int) -> None:
    target, said = recorded
    opening = said[0][: 8 + 1 + 1 + 55]
    held = [target.dial() for _ in range(times)]

    for sock in held:
        with suppress(OSError):
            sock.sendall(opening)

    target.move()
    for sock in held:
        sock.close()


def test_records_of_one_connection_are_worth_nothing_on_another(recorded: tuple[Target, list[bytes]]) -> None:
    """The opening of one connection with the rest of another."""
    target, said = recorded
    before, opening_bytes = target.copies(), 8 + 1 + 1 + 55
    first, *others = said

    for other in others:
        assert len(played(target, first[:opening_bytes] + other[opening_bytes:])) <= ANSWER_BYTES

    target.move()
    assert target.copies() == before
