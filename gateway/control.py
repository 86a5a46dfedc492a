"""
The control API: HTTP on loopback, reached through SSH, for whoever has the token.

::

    GET  /v1/status                 what the gateway is, how it is, and its counters
    PUT  /v1/peers                  [{"gateway", "public_key" (hex), "host", "port"}]  → 204
    POST /v1/shards?wait_s=N        a Shard  → 202; 429 if the intake stayed full for N ≤ 30 s
    GET  /v1/events?after=SEQ       JSON lines, one event each, without end; an empty line every 5 s without news
    POST /v1/lost                   {"gateway"}  → 204: that gateway is dead, repeat what it may have held
    POST /v1/stop                   → 200 and the last counters, once everything is closed and aborted; then it exits

Counters are totals since the gateway started: ``bytes_read`` and ``bytes_written`` of objects, ``frames_resent``, on
the wire ``bytes_sent`` and ``bytes_received`` in sum, ``sent_to`` and ``received_from`` by peer, and ``stores``, which
maps ``<job id>-source`` and ``<job id>-destination-<n>`` to requests by operation and to ``read_bytes`` and
``written_bytes``. They come as an event of the kind ``counters``, too.

Errors are ``{"error", "hint"}`` with 400, 401, 404, 405 or 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway import __version__
from gateway.errors import BadProgram, GatewayError, Stopped, UsageError
from gateway.pipeline import Pipeline
from gateway.shard import Shard
from gateway.wire.noise import KEY_BYTES
from gateway.wire.peers import PeerAddress

HEARTBEAT_S = 5.0
# Marks of one shard and destination come at most this often.
COALESCE_S = 0.25
MOST_WAIT_S = 30.0
# A shard of 10,000 entries with keys of 1 KiB, twice, is 25 MiB of JSON.
MOST_BODY_BYTES = 64 << 20
MOST_DIGITS = 19
# One waits in each request for a shard, one in each look for events; a client has one of either open.
THREADS = 16

_T = TypeVar("_T")
_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class _Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gateway: str
    public_key: str
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class _Lost(msgspec.Struct, frozen=True):
    gateway: str


class Control:
    """
    Serve the control API of *pipeline* on a free port of loopback, in a thread with an event loop of its own.

    *on_stop* is called after a client has asked for the end and has its answer.
    """

    def __init__(self, pipeline: Pipeline, token: str, on_stop: Callable[[], None]) -> None:
        self._pipeline = pipeline
        self._expected = f"Bearer {token}".encode()
        self._on_stop = on_stop
        self._closing = asyncio.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._application(),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config, self._closing)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> int:
        """Begin to answer and return the port."""
        port: int = self._socket.getsockname()[1]
        self._thread.start()
        return port

    def close(self) -> None:
        """End all streams, answer what is under way, and join the thread."""
        if self._thread.ident is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._end)
            self._thread.join()
        self._loop.close()
        self._socket.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="control"))
        try:
            self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def _end(self) -> None:
        self._closing.set()
        self._server.should_exit = True

    def _application(self) -> Starlette:
        routes: list[tuple[str, str, _Endpoint]] = [
            ("GET", "/v1/status", self._status),
            ("PUT", "/v1/peers", self._peers),
            ("POST", "/v1/shards", self._shards),
            ("GET", "/v1/events", self._events),
            ("POST", "/v1/lost", self._lost),
            ("POST", "/v1/stop", self._stop),
        ]
        return Starlette(
            routes=[Route(path, self._guarded(endpoint), methods=[method]) for method, path, endpoint in routes],
            exception_handlers={HTTPException: _on_http_error},
        )

    def _guarded(self, endpoint: _Endpoint) -> _Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(given, self._expected):
                return _error(401, "the token is wrong or missing")
            try:
                return await endpoint(request)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                return _error(400, f"the request cannot be read: {error}")
            except Stopped as error:
                return _error(503, str(error), "this gateway stops")
            except UsageError as error:
                return _error(400, str(error), error.hint)
            except GatewayError as error:
                return _error(503, str(error), error.hint)

        return guarded

    async def _status(self, _: Request) -> Response:
        pipeline = self._pipeline
        return _json(
            {
                "gateway": pipeline.program.gateway,
                "version": __version__,
                "state": pipeline.state,
                "peers": pipeline.peers_up,
                "counters": pipeline.counters.read(),
            }
        )

    async def _peers(self, request: Request) -> Response:
        addresses = await _body(request, list[_Address])
        try:
            peers = [_peer(address) for address in addresses]
        except ValueError as error:
            raise BadProgram(f"a public key or a host name is none: {error}") from error
        await asyncio.to_thread(self._pipeline.configure_peers, peers)
        return Response(status_code=204)

    async def _shards(self, request: Request) -> Response:
        try:
            wait_s = min(max(float(request.query_params.get("wait_s", "0")), 0.0), MOST_WAIT_S)
        except ValueError as error:
            raise UsageError(f"wait_s is no number: {error}") from error
        if math.isnan(wait_s):
            raise UsageError("wait_s is no number")
        shard = await _body(request, Shard)
        if await asyncio.to_thread(self._pipeline.submit, shard, wait_s):
            return Response(status_code=202)
        return _error(429, f"{self._pipeline.program.gateway} has enough shards", "try again, or ask another gateway")

    async def _lost(self, request: Request) -> Response:
        lost = await _body(request, _Lost)
        await asyncio.to_thread(self._pipeline.lost, lost.gateway)
        return Response(status_code=204)

    async def _stop(self, _: Request) -> Response:
        await asyncio.to_thread(self._pipeline.stop)
        return _json(self._pipeline.counters.read(), background=BackgroundTask(self._on_stop))

    async def _events(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > MOST_DIGITS:
            raise UsageError(f"after={after[:MOST_DIGITS]!r} is no sequence number")
        return StreamingResponse(self._lines(int(after)), media_type="application/x-ndjson")

    async def _lines(self, after: int) -> AsyncIterator[bytes]:
        events, loop, news = self._pipeline.events, asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not news.is_set():
                with contextlib.suppress(RuntimeError):  # the loop has ended, and so has whoever followed
                    loop.call_soon_threadsafe(news.set)

        unfollow = events.follow(wake)
        try:
            while not self._closing.is_set():
                news.clear()
                found = await asyncio.to_thread(events.after, after)
                if found:
                    after = found[-1]["seq"]
                    yield b"".join(msgspec.json.encode(event) + b"\n" for event in found)
                    await _wait(self._closing, COALESCE_S)
                elif not await _wait_any(news, self._closing, timeout_s=HEARTBEAT_S):
                    yield b"\n"
        finally:
            unfollow()


class _Server(uvicorn.Server):
    """Waits to be told of the end; uvicorn's own loop looks for it ten times a second, which is most of what an idle
    gateway would do."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        await self._closing.wait()


def _peer(address: _Address) -> PeerAddress:
    public_key = bytes.fromhex(address.public_key)
    if len(public_key) != KEY_BYTES:
        raise ValueError(f"a key of {len(public_key)} bytes")
    address.host.encode("idna")  # what the thread that dials would die of
    return PeerAddress(address.gateway, public_key, address.host, address.port)


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False


async def _wait_any(*events: asyncio.Event, timeout_s: float) -> bool:
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()


async def _body(request: Request, expected: type[_T]) -> _T:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise UsageError(f"a request has at most {MOST_BODY_BYTES} bytes")
    return msgspec.json.decode(body, type=expected)


def _json(value: object, status: int = 200, background: BackgroundTask | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json", background=background)


def _error(status: int, error: str, hint: str = "") -> Response:
    return _json({"error": error, "hint": hint}, status)


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail)
