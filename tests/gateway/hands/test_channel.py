from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest

from gateway.errors import GatewayError, SourceChanged
from gateway.hands.channel import Channel, Failure, Gone, Receiver


class Ask(msgspec.Struct, array_like=True):
    line: int
    text: str


class Note(msgspec.Struct, array_like=True):
    text: str


class Other:
    """The end that answers, and what it was told."""

    def __init__(self, sock: socket.socket) -> None:
        self.heard: list[str] = []
        self.content: list[bytes] = []
        self.news = threading.Semaphore(0)
        self.gate = threading.Event()
        self.channel = Channel(sock, (Receiver(Note, self.note), Receiver(Ask, self.ask, lambda ask: int(ask.line))))
        self.thread = threading.Thread(target=self.channel.serve)
        self.thread.start()

    def note(self, note: Note, descriptors: Sequence[int]) -> None:
        self.heard.append(note.text)
        for one in descriptors:
            self.content.append(os.read(one, 100))
            os.close(one)
        self.news.release()

    def ask(self, ask: Ask, _: Sequence[int]) -> str:
        if ask.text == "wait":
            self.gate.wait(10)
        if ask.text == "fail":
            raise SourceChanged("it changed", hint="look")
        return ask.text.upper()


@contextmanager
def conversation() -> Iterator[tuple[Channel, Other]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel, other = Channel(ours, ()), Other(theirs)
        reader = threading.Thread(target=channel.serve)
        reader.start()
        try:
            yield channel, other
        finally:
            other.gate.set()
            channel.hang_up()
            other.thread.join()
            reader.join()


def test_a_call_is_answered_while_another_waits() -> None:
    with conversation() as (channel, other):
        slow: list[str] = []
        waiting = threading.Thread(target=lambda: slow.append(channel.call(Ask(1, "wait"), str)))
        waiting.start()

        answer = channel.call(Ask(2, "x" * 500_000), str)
        other.gate.set()
        waiting.join()

    assert answer == "X" * 500_000
    assert slow == ["WAIT"]


def test_an_error_comes_back_as_what_it_is() -> None:
    with conversation() as (channel, _), pytest.raises(SourceChanged, match="it changed") as caught:
        channel.call(Ask(1, "fail"))

    assert caught.value.hint == "look"


def test_an_error_that_nobody_knows_is_told_too() -> None:
    failure = Failure.of(ConnectionResetError(104, "reset"))

    assert type(failure.raised()) is GatewayError
    assert "ConnectionResetError" in str(failure.raised())


def test_notes_keep_their_order_and_take_descriptors_along() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"content")
    with conversation() as (channel, other):
        channel.tell(Note("a" * 300_000))
        channel.tell(Note("b"), [reader])
        channel.tell(Note("c"))
        for _ in range(3):
            other.news.acquire()
    os.close(reader)
    os.close(writer)

    assert [text[:1] for text in other.heard] == ["a", "b", "c"]
    assert other.content == [b"content"]


def test_whoever_waits_for_one_that_ends_hears_of_it() -> None:
    with conversation() as (channel, other):
        failures: list[Exception] = []

        def ask() -> None:
            try:
                channel.call(Ask(1, "wait"))
            except Gone as gone:
                failures.append(gone)

        waiting = threading.Thread(target=ask)
        waiting.start()
        other.channel.hang_up()
        waiting.join()

        with pytest.raises(Gone):
            channel.call(Ask(1, "x"))

    assert len(failures) == 1
