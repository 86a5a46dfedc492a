"""
Sockets that other gateways may open, and the threads that serve them.

`Crew` owns both, so that `close` can end a connection attempt or a handshake at any point and join every thread.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from gateway.errors import LocalWireError, PeerLost, Stopped, UsageError
from gateway.wire.link import shut

_log = logging.getLogger(__name__)
# Bounds what strangers can make us hold: sockets and threads in the handshake at one time. One more ends the oldest of
# the address that has most of them: a peer needs milliseconds, so that whoever says nothing keeps nobody out, nor does
# a flood from one address keep out peers at others whose handshakes take a round trip across the world.
MOST_HANDSHAKES = 64
# Connections that the kernel holds until we take them; with 64 of them a flood of 10,000 made others wait for seconds
# (measured on Linux 6.18: a connection attempt that finds no room is repeated after 1 s). The kernel has a limit, too.
_BACKLOG = 1024
# How long the log says nothing more of who has just been in it: a stranger must not fill the disk.
_COMPLAINT_S = 10.0
_CONNECT_S = 10.0


class Crew:
    """Threads and half-open sockets that end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._sockets: set[socket.socket] = set()
        self.closing = threading.Event()

    def start(self, name: str, target: Callable[[], None]) -> bool:
        """Run *target* in a thread of the crew; return False, and do not run it, once the crew is closing."""
        with self._lock:
            if self.closing.is_set():
                return False
            for thread in [thread for thread in self._threads if not thread.is_alive()]:
                thread.join()
                self._threads.discard(thread)
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads.add(thread)
            thread.start()
            return True

    @contextmanager
    def opening(self, sock: socket.socket) -> Iterator[None]:
        """
        Let `close` shut *sock* down as long as the block runs; close it if the block fails.

        Raises:
            Stopped: The crew is closing.
        """
        with self._lock:
            if self.closing.is_set():
                sock.close()
                raise Stopped("the connections to the peers are closed")
            self._sockets.add(sock)
        try:
            yield
        except BaseException:
            sock.close()
            raise
        finally:
            with self._lock:
                self._sockets.discard(sock)

    def close(self) -> None:
        """Begin the end: no new thread, no new socket, and those that are half open are shut down."""
        with self._lock:
            self.closing.set()
            for sock in self._sockets:
                shut(sock)

    def join(self, timeout_s: float) -> None:
        """
        Wait for all threads.

        Raises:
            LocalWireError: One is still busy after *timeout_s*: a callback does not return.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if stuck := sorted(thread.name for thread in threads if thread.is_alive()):
            raise LocalWireError(f"still busy: {', '.join(stuck)}", hint="stop the pipeline before its peers")


def connect(
    crew: Crew, host: str, port: int, prepare: Callable[[socket.socket], None] = lambda _: None
) -> socket.socket:
    """
    Return a connected socket, which *prepare* saw before; `Crew.close` interrupts the attempt.

    Raises:
        PeerLost: *host* has no address.
        OSError: Nothing answers at any of its addresses.
    """
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            with crew.opening(sock):
                prepare(sock)
                sock.settimeout(_CONNECT_S)
                sock.connect(address)
        except OSError as error:
            failure = error
        else:
            return sock
    raise failure if failure is not None else PeerLost(f"{host!r} has no address")


class Complaints:
    """What the log says of connections that ended, so seldom that nobody can fill it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[tuple[str, int], float] = {}
        self._withheld: Counter[tuple[str, int]] = Counter()

    def say(self, level: int, who: str, error: Exception) -> None:
        """Write a line of *level*, or count it for the next: *who* gets one in `_COMPLAINT_S`."""
        key, now_s = (who, level), time.monotonic()
        with self._lock:
            if now_s - self._said.get(key, -_COMPLAINT_S) < _COMPLAINT_S:
                self._withheld[key] += 1
                return
            self._said[key] = now_s
            withheld = self._withheld.pop(key, 0)
        more = f" ({withheld} more were not told)" if withheld else ""
        _log.log(level, "a connection from %s has ended: %s%s", who, str(error), more)


class Acceptor:
    """Listens, and runs *serve* in a thread of its own for each connection that comes; *prepare* sees the listener."""

    def __init__(
        self,
        crew: Crew,
        host: str,
        port: int,
        serve: Callable[[socket.socket, Callable[[], None]], None],
        prepare: Callable[[socket.socket], None] = lambda _: None,
    ) -> None:
        self._crew = crew
        self._serve = serve
        self._lock = threading.Lock()
        self._handshakes: dict[socket.socket, str] = {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                hint="choose another data port, or end what holds this one",
            ) from error
        prepare(self._socket)
        self.port: int = self._socket.getsockname()[1]
        crew.start(f"accept on port {self.port}", self._accept)

    def close(self) -> None:
        """Stop listening; connections that were accepted live on."""
        shut(self._socket)

    def _accept(self) -> None:
        with self._socket:
            while not self._crew.closing.is_set():
                try:
                    sock, address = self._socket.accept()
                except OSError:
                    # Shut down by `close`, or out of file descriptors: then give others time to free some.
                    self._crew.closing.wait(0.1)
                    continue
                with self._lock:
                    if len(self._handshakes) >= MOST_HANDSHAKES:
                        self._end_one()
                    self._handshakes[sock] = address[0]
                if not self._crew.start("accepted connection", partial(self._run, sock)):
                    sock.close()

    def _end_one(self) -> None:
        crowded, _ = Counter(self._handshakes.values()).most_common(1)[0]
        oldest = next(sock for sock, host in self._handshakes.items() if host == crowded)
        del self._handshakes[oldest]
        shut(oldest)

    def _run(self, sock: socket.socket) -> None:
        def handshaken() -> None:
            with self._lock:
                self._handshakes.pop(sock, None)

        try:
            self._serve(sock, handshaken)
        finally:
            handshaken()
            sock.close()
