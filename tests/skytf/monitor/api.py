"""A small HTTP server that keeps the control API's contract, and an SSH session whose host is this machine."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = Callable[["Api"], None]


class Api(http.server.BaseHTTPRequestHandler):
    """Answers each path as the test says in ``server.answers``."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(
            Asked(self.command, url.path, parse_qs(url.query), body, self.headers["Authorization"], self.client_address)
        )
        self.server.answers[f"{self.command} {url.path}"](self)

    do_GET = do_PUT = do_POST = answer

    def reply(self, status: int, document: object = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *pieces: bytes, end: bool = True) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.server.held.wait(20)
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    authorization: str
    client: Any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.held = threading.Event()


class Loopback:
    """An SSH session whose host is this machine."""

    def open_channel(self, port: int) -> Any:
        return ShutOnClose(socket.create_connection(("127.0.0.1", port)))


class ShutOnClose:
    """A socket that, as a channel does, ends its readers when it is closed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sendall = connection.sendall
        self.makefile = connection.makefile
        self.settimeout = connection.settimeout

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
