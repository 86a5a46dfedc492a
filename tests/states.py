"""A server that speaks Terraform's http backend."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class States:
    """What an http backend keeps: path → state, path → lock."""

    url: str
    states: dict[str, bytes] = field(default_factory=dict)
    locks: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def serving_states() -> Iterator[States]:
    """Serve states over HTTP on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if self.path in kept.states else 404, kept.states.get(self.path, b""))

        def do_POST(self) -> None:
            kept.states[self.path.partition("?")[0]] = self._body()
            self._answer(200)

        def do_LOCK(self) -> None:
            holder = kept.locks.setdefault(self.path, body := self._body())
            self._answer(200 if holder is body else 423, holder)

        def do_UNLOCK(self) -> None:
            self._body()
            kept.locks.pop(self.path, None)
            self._answer(200)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"] or 0))

        def _answer(self, status: int, content: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = States(f"http://127.0.0.1:{server.server_address[1]}/states")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()
