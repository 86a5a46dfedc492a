"""
The link layer: who we are, and a secret stream over one socket.

`gateway.wire.handshake` makes a `Link`; every connection has keys of its own.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from nacl.bindings import (
    crypto_scalarmult_base,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
)
from nacl.exceptions import CryptoError

from gateway.errors import LocalWireError, RemoteWireError
from gateway.meter import clock
from gateway.wire.decoder import Event, RecordDecoder
from gateway.wire.noise import KEY_BYTES

if TYPE_CHECKING:
    from gateway.wire.tls import TlsSocket

    Stream: TypeAlias = socket.socket | TlsSocket

STREAM_HEADER_BYTES = 24
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Identity:
    """The X25519 key pair of this gateway, made for one transfer. The private key appears in no `repr`."""

    private_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.private_key) != KEY_BYTES:
            raise LocalWireError(f"a link key has {KEY_BYTES} bytes, not {len(self.private_key)}")

    @classmethod
    def generate(cls) -> Identity:
        """Return a new random identity."""
        return cls(os.urandom(KEY_BYTES))

    @property
    def public_key(self) -> bytes:
        """What the other gateways get to know."""
        return crypto_scalarmult_base(self.private_key)


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a gateway listens, and who it is."""

    gateway: str
    public_key: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LinkState:
    """What another process needs beside the socket to go on with a link: the states of both secret streams."""

    version: int
    sending: bytes = field(repr=False)
    receiving: bytes = field(repr=False)


class Link:
    """
    One authenticated connection. One thread may send and one may receive at a time; `break_off` may come from any.

    ``version`` of the wire is what both ends agreed on. ``on_sent`` is told the bytes of each write once the kernel has
    taken them: TCP's own headers and repeats, TLS's 22 bytes for every 16 KiB, and the some 300 bytes of the handshake,
    are not among them; ``on_received`` is told what was read.
    """

    def __init__(self, sock: Stream, sending_key: bytes, receiving_key: bytes, version: int = 0) -> None:
        self.version = version
        self._socket = sock
        self._receiving_key = receiving_key
        self._push = crypto_secretstream_xchacha20poly1305_state()
        self._pull = crypto_secretstream_xchacha20poly1305_state()
        self.header = crypto_secretstream_xchacha20poly1305_init_push(self._push, sending_key)
        self._closing = threading.Lock()
        self.on_sent: Callable[[int], None] = lambda _: None
        self.on_received: Callable[[int], None] = lambda _: None
        self._receiving_s = 0.0

    @classmethod
    def resume(cls, sock: socket.socket, state: LinkState) -> Link:
        """Return the link whose `state` another process has told, over a descriptor of the same socket."""
        link = cls(sock, bytes(KEY_BYTES), bytes(KEY_BYTES), state.version)
        link.accept_header(bytes(STREAM_HEADER_BYTES))  # makes the stream ready; keys and place follow
        link._push.statebuf[0 : len(state.sending)] = state.sending  # type: ignore[index]  # of cffi, not bytes
        link._pull.statebuf[0 : len(state.receiving)] = state.receiving  # type: ignore[index]  # as above
        return link

    @property
    def state(self) -> LinkState:
        """What `resume` needs. Between two records only; who resumes it is the only one to use it from then on."""
        return LinkState(self.version, bytes(self._push.statebuf), bytes(self._pull.statebuf))

    @property
    def descriptor(self) -> int | None:
        """The socket's, None where another process could not go on with it: TLS keeps its state to itself."""
        return self._socket.fileno() if isinstance(self._socket, socket.socket) else None

    def accept_header(self, header: bytes) -> None:
        """Take the peer's `header`, the `STREAM_HEADER_BYTES` that it sends before its first record."""
        crypto_secretstream_xchacha20poly1305_init_pull(self._pull, header, self._receiving_key)

    def seal(self, body: bytes) -> bytes:
        """Return *body* as a record: length and ciphertext. Records must be sent in the order they were sealed."""
        sealed = crypto_secretstream_xchacha20poly1305_push(self._push, body)
        return len(sealed).to_bytes(4) + sealed

    def open(self, sealed: bytes) -> bytes:
        """
        Return the body of a record without its length.

        Raises:
            RemoteWireError: It is not the next record of this connection.
        """
        try:
            return crypto_secretstream_xchacha20poly1305_pull(self._pull, sealed)[0]
        except CryptoError as error:
            raise RemoteWireError("a record is not sealed with the keys of this connection") from error

    def send(self, *buffers: bytes | memoryview) -> int:
        """
        Send *buffers* one after the other without copying them together, and return how many bytes that was.

        Raises:
            OSError: The connection broke.
        """
        total = sum(len(buffer) for buffer in buffers)
        sent = self._socket.sendmsg(buffers)
        self.on_sent(sent)
        if sent < total:
            self._send_rest(buffers, sent)
            self.on_sent(total - sent)
        return total

    def receive(self, decoder: RecordDecoder, heard: Callable[[int], None]) -> Iterator[Event]:
        """
        Yield what the peer sends until it closes the connection; *heard* is told the bytes of each read that was whole.

        A short one is what a broken connection leaves behind: its bytes may have come long ago, no sign of life.

        Raises:
            OSError: The connection broke.
            RemoteWireError: The peer broke the rules, or closed in the middle of something.
        """
        while True:
            view = decoder.want()
            began = clock()
            n = self._socket.recv_into(view, len(view), socket.MSG_WAITALL)
            self._receiving_s += clock() - began
            if n == 0:
                if decoder.between_records:
                    return
                raise RemoteWireError("the peer closed the connection in the middle of a record")
            self.on_received(n)
            if n == len(view):
                heard(n)
            event = decoder.advance(n)
            if event is not None:
                yield event

    @property
    def waited_s(self) -> float:
        """How long the receiving thread has waited for bytes; what it did for TLS in that time is work."""
        opening_s = 0.0 if isinstance(self._socket, socket.socket) else self._socket.opening_s
        return self._receiving_s - opening_s

    @property
    def cipher(self) -> str:
        """What TLS seals this link with; empty without TLS."""
        return "" if isinstance(self._socket, socket.socket) else self._socket.cipher

    def inspect(self, look: Callable[[socket.socket], _T]) -> _T | None:
        """Return what *look* makes of the socket; None, and it is not called, once the link is closed."""
        with self._closing:
            sock = self._socket if isinstance(self._socket, socket.socket) else self._socket.plain
            return None if sock.fileno() < 0 else look(sock)

    def break_off(self) -> None:
        """Wake up whoever sends or receives; they find the connection closed."""
        with self._closing:
            shut(self._socket)

    def close(self) -> None:
        """Give the socket back; nobody may be using it any more."""
        with self._closing:
            self._socket.close()

    def _send_rest(self, buffers: tuple[bytes | memoryview, ...], sent: int) -> None:
        for buffer in buffers:
            if sent < len(buffer):
                self._socket.sendall(memoryview(buffer)[sent:])
            sent = max(0, sent - len(buffer))


def shut(sock: Stream) -> None:
    """Shut *sock* down for both directions; fine if it is closed or was never connected."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
