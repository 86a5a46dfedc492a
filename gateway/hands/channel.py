"""
What a process of a gateway and another say to each other, over a pair of Unix sockets: notes, and calls with an answer.

A note is a `msgspec.Struct`; its class name says what it is. It may take descriptors along.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

import msgspec

from gateway import errors
from gateway.errors import GatewayError, PeerLost
from gateway.wire.link import shut

_log = logging.getLogger(__name__)
_HEAD = struct.Struct(">I")
_READ_BYTES = 1 << 18
_MOST_DESCRIPTORS = 8


class Gone(PeerLost):
    """The other process has ended."""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A `GatewayError` on its way to another process."""

    error: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return *error* as it travels."""
        hint = error.hint if isinstance(error, GatewayError) else ""
        return cls(type(error).__name__, str(error), hint)

    def raised(self) -> GatewayError:
        """Return the error, of its own class where `gateway.errors` knows it."""
        kind = getattr(errors, self.error, None)
        if isinstance(kind, type) and issubclass(kind, GatewayError):
            return kind(self.message, hint=self.hint)
        return GatewayError(f"{self.error}: {self.message}", hint=self.hint)


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    """``call`` is 0 for a note; an answer has the number of its call, and no ``kind``."""

    kind: str
    call: int
    descriptors: int
    body: msgspec.Raw
    failure: Failure | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    answered: threading.Event = field(default_factory=threading.Event)
    answer: _Envelope | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """
    What is done with the notes of one class: *handle* gets the note and the descriptors that came with it.

    The thread that reads calls it, so that it must not wait, unless *line* says which thread of its own the note is
    for: notes of one line are handled one after the other.
    """

    kind: type[msgspec.Struct]
    handle: Callable[[Any, Sequence[int]], Any]
    line: Callable[[Any], int] | None = None


class Channel:
    """
    One end. `serve` reads until the other end is gone; every other method may be called from any thread.

    Waiting calls raise `Gone` then. What was said before the other end went is still heard.
    """

    def __init__(self, sock: socket.socket, receivers: Sequence[Receiver]) -> None:
        self._socket = sock
        self._receivers: Mapping[str, tuple[Receiver, msgspec.msgpack.Decoder[Any]]] = {
            one.kind.__name__: (one, msgspec.msgpack.Decoder(one.kind)) for one in receivers
        }
        self._sending = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._envelopes = msgspec.msgpack.Decoder(_Envelope)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._lines: dict[int, SimpleQueue[Callable[[], None] | None]] = {}
        self._gone = False

    def tell(self, note: msgspec.Struct, descriptors: Sequence[int] = ()) -> None:
        """Say *note*; it waits only while the other end is behind with reading. Raises: Gone."""
        self._send(_Envelope(type(note).__name__, 0, len(descriptors), msgspec.Raw(self._encode(note))), descriptors)

    def call(self, note: msgspec.Struct, kind: Any = None) -> Any:
        """
        Say *note* and return the answer, which is of *kind*.

        Raises:
            Gone: There will be none.
            GatewayError: The other end raised it.
        """
        waiting = _Waiting()
        with self._lock:
            if self._gone:
                raise Gone("the other process has ended")
            number = next(self._numbers)
            self._waiting[number] = waiting
        self._send(_Envelope(type(note).__name__, number, 0, msgspec.Raw(self._encode(note))))
        waiting.answered.wait()
        answer = waiting.answer
        if answer is None:
            raise Gone("the other process has ended")
        if answer.failure is not None:
            raise answer.failure.raised()
        return msgspec.msgpack.decode(answer.body, type=kind)

    def serve(self) -> None:
        """Handle what the other end says until it is gone."""
        try:
            self._read()
        finally:
            with self._lock:
                self._gone = True
                waiting, self._waiting = list(self._waiting.values()), {}
                lines, self._lines = list(self._lines.values()), {}
            for line in lines:
                line.put(None)
            for one in waiting:
                one.answered.set()

    def end_line(self, line: int) -> None:
        """Have the thread of *line* end once it has handled what is there."""
        with self._lock:
            queue = self._lines.pop(line, None)
        if queue is not None:
            queue.put(None)

    def hang_up(self) -> None:
        """End the conversation: the other end finds us gone."""
        shut(self._socket)

    def _read(self) -> None:
        buffer = bytearray()
        descriptors: deque[int] = deque()
        while True:
            try:
                data, came, _, _ = socket.recv_fds(self._socket, _READ_BYTES, _MOST_DESCRIPTORS)
            except OSError:
                return
            descriptors.extend(came)
            if not data:
                return
            buffer += data
            while len(buffer) >= _HEAD.size:
                end = _HEAD.size + _HEAD.unpack_from(buffer)[0]
                if len(buffer) < end:
                    break
                envelope = self._envelopes.decode(bytes(memoryview(buffer)[_HEAD.size : end]))
                del buffer[:end]
                self._take(envelope, [descriptors.popleft() for _ in range(envelope.descriptors)])

    def _take(self, envelope: _Envelope, descriptors: Sequence[int]) -> None:
        if not envelope.kind:
            with self._lock:
                waiting = self._waiting.pop(envelope.call, None)
            if waiting is not None:
                waiting.answer = envelope
                waiting.answered.set()
            return
        receiver, decoder = self._receivers[envelope.kind]
        note = decoder.decode(envelope.body)
        work = partial(self._handle, receiver, envelope.call, note, descriptors)
        if receiver.line is None:
            work()
        else:
            self._line(receiver.line(note)).put(work)

    def _handle(self, receiver: Receiver, call: int, note: msgspec.Struct, descriptors: Sequence[int]) -> None:
        failure, answer = None, None
        try:
            answer = receiver.handle(note, descriptors)
        except (OSError, GatewayError) as error:
            if not call:
                _log.warning("%s is of no use: %s", type(note).__name__, error)
            failure = Failure.of(error)
        if call:
            with contextlib.suppress(Gone):
                self._send(_Envelope("", call, 0, msgspec.Raw(self._encode(answer)), failure))

    def _line(self, number: int) -> SimpleQueue[Callable[[], None] | None]:
        with self._lock:
            queue = self._lines.get(number)
            if queue is None:
                queue = self._lines[number] = SimpleQueue()
                threading.Thread(target=_work, args=(queue,), name=f"line {number}", daemon=True).start()
        return queue

    def _send(self, envelope: _Envelope, descriptors: Sequence[int] = ()) -> None:
        body = self._encode(envelope)
        data = _HEAD.pack(len(body)) + body
        try:
            with self._sending:
                sent = socket.send_fds(self._socket, [data], descriptors) if descriptors else 0
                self._socket.sendall(memoryview(data)[sent:])
        except OSError as error:
            raise Gone("the other process has ended") from error


def _work(queue: SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := queue.get()) is not None:
        work()
