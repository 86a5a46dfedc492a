"""What the calls of the control API do."""

from __future__ import annotations

import asyncio
import hmac
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway import __version__
from gateway.control import calls, openapi
from gateway.control.calls import CALLS, Accepted, Address, Call, Drained, Error, Full, Lost, Span, Status, Versions
from gateway.control.stream import lines
from gateway.errors import BadProgram, GatewayError, Stopped, UsageError
from gateway.pipeline import Pipeline
from gateway.program import PROGRAM_VERSION
from gateway.shard import Shard
from gateway.wire.handshake import WIRE_VERSIONS
from gateway.wire.noise import KEY_BYTES
from gateway.wire.peers import PeerAddress

# A shard of 10,000 entries with keys of 1 KiB, twice, is 25 MiB of JSON.
MOST_BODY_BYTES = 64 << 20
_MOST_DIGITS = 19

_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Api:
    """The calls of `CALLS` on *pipeline*, each a method of its name; *closing* ends the streams."""

    def __init__(self, pipeline: Pipeline, token: str, on_stop: Callable[[], None], closing: asyncio.Event) -> None:
        self._pipeline = pipeline
        self._expected = f"Bearer {token}".encode()
        self._on_stop = on_stop
        self._closing = closing
        self._bodies = {call.name: msgspec.json.Decoder(call.body) for call in CALLS if call.body is not None}

    def application(self) -> Starlette:
        """Return the calls as an ASGI application."""
        routes = [
            Route(call.path, self._guarded(call, getattr(self, f"_{call.name}")), methods=[call.method])
            for call in CALLS
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _on_http_error})

    def _guarded(self, call: Call, endpoint: _Endpoint) -> _Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(given, self._expected):
                return _error(401, "the token is wrong or missing", headers={"www-authenticate": "Bearer"})
            try:
                _check_query(request, call)
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

    async def _version(self, _: Request) -> Response:
        return _json(Versions(__version__, calls.CONTROL_VERSIONS, (PROGRAM_VERSION,), Span(*WIRE_VERSIONS)))

    async def _openapi(self, _: Request) -> Response:
        return Response(openapi.text(), media_type="application/json")

    async def _status(self, _: Request) -> Response:
        pipeline = self._pipeline
        status = {
            "gateway": pipeline.program.gateway,
            "version": __version__,
            "state": pipeline.state,
            "peers": pipeline.peers_up,
            "processes": pipeline.processes,
            "counters": pipeline.counters.read(),
        }
        return _json(msgspec.convert(status, Status))

    async def _counters(self, _: Request) -> Response:
        return _json(self._pipeline.totals())

    async def _errors(self, request: Request) -> Response:
        return _json(self._pipeline.events.troubles.read(_sequence(request)))

    async def _sockets(self, _: Request) -> Response:
        return _json(await asyncio.to_thread(self._pipeline.sockets))

    async def _peers(self, request: Request) -> Response:
        addresses: list[Address] = await self._body(request, "peers")
        try:
            peers = [_peer(address) for address in addresses]
        except ValueError as error:
            raise BadProgram(f"a public key or a host name is none: {error}") from error
        await asyncio.to_thread(self._pipeline.configure_peers, peers)
        return Response(status_code=204)

    async def _shards(self, request: Request) -> Response:
        wait_s = _wait_s(request)
        offered: Shard | list[Shard] = await self._body(request, "shards")
        shards = [offered] if isinstance(offered, Shard) else offered
        accepted = await asyncio.to_thread(self._pipeline.submit_all, shards, wait_s)
        if accepted == len(shards):
            return _json(Accepted(accepted), 202)
        name = self._pipeline.program.gateway
        return _json(Full(accepted, f"{name} has enough shards", "try again, or ask another gateway"), 429)

    async def _lost(self, request: Request) -> Response:
        lost: Lost = await self._body(request, "lost")
        await asyncio.to_thread(self._pipeline.lost, lost.gateway)
        return Response(status_code=204)

    async def _drain(self, request: Request) -> Response:
        left = await asyncio.to_thread(self._pipeline.drain, _wait_s(request))
        return _json(Drained(not left, left))

    async def _stop(self, _: Request) -> Response:
        await asyncio.to_thread(self._pipeline.stop)
        return _json(self._pipeline.totals(), background=BackgroundTask(self._on_stop))

    async def _events(self, request: Request) -> Response:
        after, follow = _sequence(request), request.query_params.get("follow", "true")
        if follow not in ("true", "false"):
            raise UsageError("follow is true or false")
        stream = lines(self._pipeline.events, after, self._closing, follow=follow == "true")
        return StreamingResponse(stream, media_type="application/x-ndjson")

    async def _body(self, request: Request, name: str) -> Any:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BODY_BYTES:
                raise UsageError(f"a request has at most {MOST_BODY_BYTES} bytes")
        return self._bodies[name].decode(body)


def _check_query(request: Request, call: Call) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    strange = set(names) - {query.name for query in call.query}
    if strange or len(set(names)) < len(names):
        what = f"knows no {min(strange)!r}" if strange else "takes each parameter once"
        raise UsageError(f"{call.method} {call.path} {what}")


def _sequence(request: Request) -> int:
    after = request.query_params.get("after", "0")
    if not after.isascii() or not after.isdecimal() or len(after) > _MOST_DIGITS or int(after) > calls.MOST_SEQ:
        raise UsageError(f"after={after[:_MOST_DIGITS]!r} is no sequence number")
    return int(after)


def _wait_s(request: Request) -> float:
    try:
        wait_s = float(request.query_params.get("wait_s", "0"))
    except ValueError as error:
        raise UsageError(f"wait_s is no number: {error}") from error
    if math.isnan(wait_s) or not 0 <= wait_s <= calls.MOST_WAIT_S:
        raise UsageError(f"wait_s is a number from 0 to {calls.MOST_WAIT_S:g}")
    return wait_s


def _peer(address: Address) -> PeerAddress:
    public_key = bytes.fromhex(address.public_key)
    if len(public_key) != KEY_BYTES:
        raise ValueError(f"a key of {len(public_key)} bytes")
    address.host.encode("idna")  # what the thread that dials would die of
    return PeerAddress(address.gateway, public_key, address.host, address.port)


def _json(value: object, status: int = 200, background: BackgroundTask | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json", background=background)


def _error(status: int, error: str, hint: str = "", headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(Error(error, hint)), status, headers, media_type="application/json")


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail, headers=dict(error.headers or {}))
