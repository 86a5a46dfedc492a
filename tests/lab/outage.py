"""An S3 endpoint that can be out of service: in front of a real one, and for as long as a test says."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_BUSY = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>'
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


class Outage:
    """Passes requests on to *port* of loopback, or answers 503 to all of them; counts those in ``refused``."""

    def __init__(self, port: int) -> None:
        self.refused = 0
        self._out = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, port))
        self._thread = threading.Thread(target=self._server.serve_forever, name="outage")
        self._thread.start()

    def __enter__(self) -> Outage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def endpoint_url(self) -> str:
        """Where requests go."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def out(self) -> bool:
        """Whether it is out of service."""
        return self._out.is_set()

    def begin(self) -> None:
        """Answer nothing but 503 from now on."""
        self._out.set()

    def end(self) -> None:
        """Serve again."""
        self._out.clear()


def _handler(outage: Outage, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if outage.out:
                outage.refused += 1
                self.say(503, [("content-type", "application/xml")], _BUSY)
                return
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                behind.request(self.command, self.path, body, dict(self.headers))
                response = behind.getresponse()
                self.say(response.status, response.getheaders(), response.read())
            finally:
                behind.close()

        def say(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            named = {name.lower() for name, _ in headers}
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            if "content-length" not in named:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
