"""
TLS 1.3 around a link, for those who must have it: the whole handshake of `gateway.wire.handshake` runs inside.

`gateway.wire.certificates` says who is let in. OpenSSL works on memory here, and we move the bytes: two threads use a
link at once, which an `ssl.SSLSocket` does not allow, and large reads and writes are faster so.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

from gateway.errors import RemoteWireError
from gateway.meter import clock
from gateway.units import KIB

# How much is read from or written to the socket at once. With OpenSSL's own buffers an end of a connection holds some
# 850 KiB (measured: 845, used both ways, OpenSSL 3.0), one in its handshake 50 KiB.
STEP_BYTES = 256 * KIB
# RFC 8446, 5.5: a key of AES-GCM is good for 2^24.5 records. OpenSSL makes no new ones by itself, so that a connection
# ends before; the next one has others. Full records are 16 KiB: 256 GiB.
MOST_RECORDS = 1 << 24
_RECORD_BYTES = 16 * KIB


class TlsSocket:
    """
    A socket with TLS over it: what `gateway.wire.link.Link` and the handshake need of a socket.

    One thread may send and one may receive at a time. ``names`` are those in the peer's certificate, ``cipher`` is what
    was agreed on; both are there after `shake_hands`. ``opening_s`` is the time that opening what came has taken.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server: bool) -> None:
        self.plain = sock
        self.names: list[str] = []
        self.cipher = ""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server)
        # With a buffer `read` returns a count, which typeshed does not know.
        self._read = cast("Callable[[int, memoryview], int]", self._tls.read)
        self._state = threading.Lock()  # OpenSSL allows one thread at a time
        self._buffer = memoryview(bytearray(_RECORD_BYTES))  # a stranger is not worth more
        self._deadline: float | None = None
        self._spoke = not server
        self.records_left = MOST_RECORDS
        self.opening_s = 0.0

    def shake_hands(self, timeout_s: float) -> None:
        """
        Meet the other end.

        Raises:
            RemoteWireError: It speaks no TLS 1.3, or one of us does not trust the other's certificate.
            OSError: The connection broke, or it took longer than *timeout_s*.
        """
        self.settimeout(timeout_s)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise RemoteWireError(
                        "the connection was closed during the TLS handshake",
                        hint="both gateways must run programs of one plan",
                    ) from None
                continue
            except ssl.SSLError as error:
                if self._spoke:  # who has not been told anything yet is not told that we are here
                    self._flush()
                raise _foreign(error) from error
            self._flush()
            break
        self.names = names_in(self._tls)
        self.cipher = (self._tls.cipher() or ("",))[0]

    def settimeout(self, timeout_s: float | None) -> None:
        """
        Set how long all that is received until the next call may take, and any one send; None for no limit.

        No limit is for a peer: from then on memory is used for speed.
        """
        if timeout_s is None and len(self._buffer) < STEP_BYTES:
            self._buffer = memoryview(bytearray(STEP_BYTES))
            self.opening_s = 0.0
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self.plain.settimeout(timeout_s)

    def sendmsg(self, buffers: Sequence[bytes | memoryview]) -> int:
        """Send all of *buffers* and return their size. Raises: OSError, when the connection breaks."""
        total = waiting = 0
        for buffer in buffers:
            view = memoryview(buffer)
            total += len(view)
            for start in range(0, len(view), STEP_BYTES):
                piece = view[start : start + STEP_BYTES]
                self._encrypt(piece)
                waiting += len(piece)
                if waiting >= STEP_BYTES:
                    self._flush()
                    waiting = 0
        self._flush()
        return total

    def sendall(self, buffer: bytes | memoryview) -> None:
        """Send all of *buffer*. Raises: OSError, when the connection breaks."""
        self.sendmsg([buffer])

    def recv(self, size_bytes: int) -> bytes:
        """Return 1 to *size_bytes* bytes, none at the end. Raises: OSError, RemoteWireError."""
        buffer = bytearray(size_bytes)
        return bytes(buffer[: self.recv_into(memoryview(buffer), size_bytes)])

    def recv_into(self, view: memoryview, size_bytes: int, flags: int = 0) -> int:
        """
        Fill *view* with *size_bytes* under MSG_WAITALL, else with what is there, and return how many that was.

        Raises:
            OSError: The connection broke.
            RemoteWireError: What came is no TLS of this connection.
        """
        done = 0
        while True:
            done += self._decrypt(view[done:size_bytes])
            if done == size_bytes or (done and not flags & socket.MSG_WAITALL):
                return done
            if not self._fill():
                return done

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self.plain.fileno()

    def shutdown(self, how: int) -> None:
        """Shut the connection down; whoever sends or receives notices."""
        self.plain.shutdown(how)

    def close(self) -> None:
        """Close the socket."""
        self.plain.close()

    def _encrypt(self, piece: memoryview) -> None:
        self.records_left -= -(-len(piece) // _RECORD_BYTES)
        if self.records_left < 0:
            raise ConnectionAbortedError("the keys of a TLS connection are used up; the next one has others")
        with self._state:
            self._tls.write(piece)

    def _decrypt(self, view: memoryview) -> int:
        """Fill *view* from what was received already; return less than its size where that ends."""
        done, began = 0, clock()
        with self._state:
            try:
                while done < len(view):
                    n = self._read(len(view) - done, view[done:])
                    if n == 0:
                        break
                    done += n
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                pass
            except ssl.SSLError as error:
                raise _foreign(error) from error
        self.opening_s += clock() - began
        return done

    def _fill(self) -> bool:
        """Receive some more; return False at the end of the connection."""
        if self._deadline is not None:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the handshake took too long")
            self.plain.settimeout(left_s)
        n = self.plain.recv_into(self._buffer)
        with self._state:
            self._incoming.write(self._buffer[:n])
        return n > 0

    def _flush(self) -> None:
        with self._state:
            out = self._outgoing.read()
        if out:
            self._spoke = True
            self.plain.sendall(out)


def names_in(tls: ssl.SSLObject) -> list[str]:
    """Return the alternative names in the certificate of the other end."""
    found = (tls.getpeercert() or {}).get("subjectAltName", ())
    return [str(pair[1]) for pair in found]


def _foreign(error: ssl.SSLError) -> RemoteWireError:
    """Return what is wrong with the other end, in its own words where OpenSSL has some."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return RemoteWireError(
            f"the certificate of the other end is not trusted: {error.verify_message}",
            hint="it must be of this transfer; look at the clocks of both gateways if it says that one is not valid",
        )
    reason = (error.reason or str(error)).lower().replace("_", " ")
    return RemoteWireError(f"no TLS connection: {reason}", hint="both gateways must run programs of one plan")
