"""An S3 server that counts what it is asked for, and fails on demand: a proxy before a real one."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from tests.servers import S3Server

_HOP = frozenset({"connection", "transfer-encoding", "content-length", "server", "date"})


class CountingServer(http.server.ThreadingHTTPServer):
    """``seen`` counts by bucket and operation; the next ``failures`` requests of an operation are answered with 503."""

    daemon_threads = True

    def __init__(self, target: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.target = urlsplit(target.endpoint_url).netloc
        self.seen: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.server = replace(target, endpoint_url=f"http://127.0.0.1:{self.server_address[1]}")

    def of(self, bucket: str) -> dict[str, int]:
        """Return operation → requests that came for *bucket*."""
        with self.lock:
            return {operation: count for (name, operation), count in self.seen.items() if name == bucket}

    def forget(self) -> None:
        """Begin to count anew."""
        with self.lock:
            self.seen.clear()


class _Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CountingServer

    def _serve(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = url.path.lstrip("/").partition("/")
        operation = _operation(self.command, key, set(parse_qs(url.query, keep_blank_values=True)))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.seen[bucket, operation] += 1
            fails = self.server.failures[operation] > 0
            self.server.failures[operation] -= fails
        if fails:
            self._answer(503, {}, b"")
            return
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            headers = dict(response.getheaders())
            self._answer(response.status, headers, response.read())
        finally:
            connection.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP or (self.command == "HEAD" and name.lower() == "content-length"):
                self.send_header(name, value)
        if "date" in {name.lower() for name in headers}:
            self.send_header("Date", next(value for name, value in headers.items() if name.lower() == "date"))
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        elif "content-length" not in {name.lower() for name in headers}:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _operation(method: str, key: str, query: set[str]) -> str:
    """Return what a price list would call a request."""
    if method == "GET":
        return "get" if key else "list"
    if method == "PUT" and "partNumber" in query:
        return "multipart-part"
    return {"PUT": "put", "POST": "put", "HEAD": "head", "DELETE": "delete"}[method]


@contextlib.contextmanager
def counting_server(target: S3Server) -> Iterator[CountingServer]:
    """Run a `CountingServer` before *target*."""
    with CountingServer(target) as server:
        thread = threading.Thread(target=server.serve_forever, name="counting S3")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
