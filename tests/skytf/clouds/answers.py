"""A server on loopback that gives the answers a test has for it: recorded ones, or ones computed from a small world."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request; ``query`` holds the last value of each name, ``json`` the body where it is JSON."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered; a body that is no ``str`` is written as JSON."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class AnswerServer:
    """A running server; ``answer`` may be changed while it runs, ``asked`` holds every request in order."""

    url: str
    answer: Callable[[Request], Reply]
    asked: list[Request] = field(default_factory=list)


@contextlib.contextmanager
def answer_server(answer: Callable[[Request], Reply]) -> Iterator[AnswerServer]:
    """Run a server that gives *answer* to each request; an answer that raises is a 500 with its words."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            request = Request(self.command, parts.path, query, self.headers, self.rfile.read(length))
            served.asked.append(request)
            try:
                reply = served.answer(request)
            except Exception as error:  # noqa: BLE001  # the client under test must see it, not a broken connection
                reply = Reply(f"the test's answer raised {error!r}", 500)
            content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, text in reply.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = AnswerServer(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="answers")
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
