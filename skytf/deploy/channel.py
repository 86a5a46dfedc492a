"""A forwarded connection inside an SSH session, as the socket that http.client wants."""

from __future__ import annotations

import io
import threading

import paramiko

# A sender that is stuck for longer than this is not waited for: its connection is lost anyway.
_CLOSE_WAIT_S = 1.0


class ChannelSocket:
    """
    The part of a socket that http.client uses, on a ``direct-tcpip`` channel.

    Any thread may `close` it; a reader then sees the end of the stream.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._sending = threading.Lock()

    def sendall(self, payload: bytes) -> None:
        """Send all of *payload*; raise OSError when the channel is closed, TimeoutError when it stays full."""
        with self._sending:
            self._channel.sendall(payload)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        """Return a buffered reader; closing it leaves the channel open, as with sockets."""
        if mode != "rb":
            raise ValueError(f"a channel is read as bytes, not as {mode!r}")
        return io.BufferedReader(_Reader(self._channel), buffering if buffering > 0 else io.DEFAULT_BUFFER_SIZE)

    def settimeout(self, timeout_s: float | None) -> None:
        """Let reads and writes give up with TimeoutError after *timeout_s* of silence."""
        self._channel.settimeout(timeout_s)

    def ended(self) -> bool:
        """Tell whether either side has closed the channel."""
        return bool(self._channel.closed or self._channel.eof_received)

    def close(self) -> None:
        """Close the channel; harmless when it is closed."""
        # Bytes that follow the closing message name a channel that is gone, and OpenSSH
        # then drops the whole connection: let a sender finish first.
        waited = self._sending.acquire(timeout=_CLOSE_WAIT_S)
        try:
            self._channel.close()
        finally:
            if waited:
                self._sending.release()


class _Reader(io.RawIOBase):
    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # paramiko wants no more
        received: bytes = self._channel.recv(len(buffer))
        buffer[: len(received)] = received
        return len(received)
