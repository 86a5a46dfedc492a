"""A wire tap: passes connections on and keeps every byte, in both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

_PIECE_BYTES = 64 * 1024


class Recorder:
    """
    Listens on `port` of loopback and passes connections on to *target*.

    While it is `held`, nothing that goes to *target* is passed on; what comes back is.
    """

    def __init__(self, target: int) -> None:
        self.heard = bytearray()
        self._target = target
        self._news = threading.Condition()
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flows.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for one in self._sockets:
            one.close()

    def hold(self) -> None:
        """Pass nothing more on."""
        self._flows.clear()

    def let_go(self) -> None:
        """Pass on what was held."""
        self._flows.set()

    def wait_for(self, size_bytes: int, timeout_s: float) -> None:
        """Return once *size_bytes* were heard."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= size_bytes, timeout_s), f"{len(self.heard)} bytes"

    def _start(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, name="recorder")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._sockets += [near, far]
            self._start(self._pump, near, far, True)
            self._start(self._pump, far, near, False)

    def _pump(self, source: socket.socket, sink: socket.socket, onward: bool) -> None:
        with contextlib.suppress(OSError):  # one end broke or the test is over: so does the other
            while piece := source.recv(_PIECE_BYTES):
                with self._news:
                    self.heard += piece
                    self._news.notify_all()
                if onward:
                    self._flows.wait()
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
