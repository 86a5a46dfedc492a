"""The way to an SSH server: a TCP connection of our own, or a command that leads through a jump host."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from skytf.deploy.cancel import Cancel

# Without TCP_USER_TIMEOUT a command on a host that vanished hung for more than 35 s, with 10 s it ended after 9 to 14.
_DEAD_AFTER_S = 20
_PROXY_END_S = 3.0
_WORDS_BYTES = 4096


class Line:
    """
    A byte stream to an SSH server, as the socket that paramiko wants.

    Any thread may `shut` it, which wakes whoever waits on it; `close` comes last and leaves no process.
    """

    def __init__(
        self, stream: socket.socket, child: subprocess.Popen[bytes] | None = None, said: IO[bytes] | None = None
    ) -> None:
        self.socket = stream
        self._child = child
        self._said = said

    def shut(self) -> None:
        """End the stream in both directions; harmless when it has ended."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the socket; end the command behind it and wait for it. Harmless when that is done."""
        self.socket.close()
        if self._child is not None:
            _end(self._child)
            if self._said is not None:
                self._said.close()

    def last_words(self) -> str:
        """Return the last line that the command wrote to stderr; empty for a connection of our own."""
        if self._said is None:
            return ""
        tail = b""
        with contextlib.suppress(ValueError):  # closed by another thread
            size = os.fstat(self._said.fileno()).st_size
            tail = os.pread(self._said.fileno(), _WORDS_BYTES, max(0, size - _WORDS_BYTES))
        lines = tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:500] if lines else ""

    def finish(self) -> str:
        """Do as `close`, and return the last words of the command, those of its end among them."""
        self.shut()
        if self._child is not None:
            _end(self._child, patience_s=_PROXY_END_S / 10)
        words = self.last_words()
        self.close()
        return words


def dial(address: str, port: int, *, timeout_s: float, cancel: Cancel) -> Line:
    """
    Return a TCP connection to *address*:*port* that notices a dead host.

    Raises:
        OSError: Nothing answered within *timeout_s*, or *cancel* was set.
    """
    family, kind, protocol, _, found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    line = Line(socket.socket(family, kind, protocol))
    try:
        line.socket.settimeout(timeout_s)
        with cancel.closing(line.shut):
            line.socket.connect(found)
        # Nagle costs 40 ms per command (48 ms against 12, also with OpenSSH).
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_S * 1000)
    except BaseException:
        line.close()
        raise
    return line


def dial_through(argv: Sequence[str], *, timeout_s: float) -> Line:
    """
    Return the stdin and stdout of the command *argv*, which leads to an SSH server.

    Whether it gets there shows when the server speaks, or does not.

    Raises:
        OSError: The command cannot be started.
    """
    ours, its = socket.socketpair()
    with its:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the line; a pipe would need a thread to read it
        try:
            ours.settimeout(timeout_s)
            # A session of its own: Ctrl-C in the terminal is for us, and ending it ends what it started.
            child = subprocess.Popen(
                list(argv), stdin=its.fileno(), stdout=its.fileno(), stderr=said, start_new_session=True
            )
        except BaseException:
            said.close()
            ours.close()
            raise
    return Line(ours, child, said)


def _end(child: subprocess.Popen[bytes], patience_s: float = 0.0) -> None:
    """Wait for *child*, which has lost its stdin; what does not go by itself is told to, and then made to."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(patience_s)
        return
    for number, wait_s in ((signal.SIGTERM, _PROXY_END_S), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(wait_s)
            return
