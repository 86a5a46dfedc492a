"""Talk to one gateway: HTTP of its control API, through a channel of its SSH session."""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from gateway.shard import Shard
from skytf.errors import TransferFailed
from skytf.monitor import events
from skytf.monitor.events import Event, Totals

# The version of the control API that is spoken here (docs/control.md).
CONTROL_VERSION = 1
_CALL_TIMEOUT_S = 15.0
# The gateway sends a blank line every 5 s; three missing ones and it is dead to us.
_SILENCE_S = 16.0
# Below the 5 s after which uvicorn closes a connection that is not used: a call never meets one that is being closed.
_REUSE_WITHIN_S = 3.0
_READ_BYTES = 64 * 1024


class GatewayLost(TransferFailed):
    """A gateway does not answer any more, or its SSH session is gone."""


class Channel(Protocol):
    """A connection to a port of the gateway's loopback: the part of a socket that http.client uses."""

    def sendall(self, payload: bytes, /) -> None: ...
    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader: ...
    def settimeout(self, timeout_s: float | None, /) -> None: ...
    def close(self) -> None: ...


class OpensChannels(Protocol):
    """An SSH session, as much of it as we need."""

    def open_channel(self, port: int) -> Channel:
        """Return a connection to *port* of the host's loopback; ConnectionError when there is none."""
        ...


class PeerAddress(msgspec.Struct, frozen=True):
    """Where a gateway finds a peer, and the public link key (hex) by which it knows it."""

    gateway: str
    public_key: str
    host: str
    port: int


class Versions(msgspec.Struct, frozen=True):
    """What a gateway speaks; of ``wire`` the lowest and the highest version."""

    program: str
    control: tuple[int, ...]
    wire: dict[str, int] = {}


class Status(msgspec.Struct, frozen=True):
    """What a gateway says of itself; ``state`` is idle, running, stopping or failed."""

    gateway: str
    version: str
    state: str
    peers: dict[str, bool]
    counters: Totals


class GatewayClient:
    """
    The control API of *gateway_id*.

    All methods may be called from several threads. `close` from any thread ends the calls that wait (they raise
    GatewayLost) and the event streams (they end).

    Every call raises GatewayLost when the gateway does not answer, TransferFailed when it answers with an error.
    """

    def __init__(self, gateway_id: str, session: OpensChannels, control_port: int, token: str) -> None:
        self.gateway_id = gateway_id
        self._session = session
        self._port = control_port
        self._headers = {"Authorization": f"Bearer {token}"}
        self._guard = threading.Lock()
        self._idle: list[tuple[float, _Connection]] = []
        self._open: set[_Connection] = set()
        self._closed = False

    def status(self) -> Status:
        """Return what the gateway says of itself."""
        return msgspec.json.decode(self._call("GET", "/v1/status"), type=Status)

    def totals(self) -> Totals:
        """Return what the gateway has counted, by operator too."""
        return msgspec.json.decode(self._call("GET", "/v1/counters"), type=Totals)

    def agree(self) -> Versions:
        """
        Return what the gateway speaks; the first thing to ask.

        Raises:
            TransferFailed: It does not serve the version of the control API that this client knows.
        """
        hint = "run the same skytf at both ends"
        try:
            versions = msgspec.json.decode(self._call("GET", "/v1/version"), type=Versions)
        except _RefusedError as refused:
            if refused.status != http.client.NOT_FOUND:
                raise
            raise TransferFailed(f"gateway {self.gateway_id} is of a version that tells none", hint=hint) from refused
        except msgspec.MsgspecError as error:
            text = f"gateway {self.gateway_id} tells its versions in a way that we do not know: {error}"
            raise TransferFailed(text, hint=hint) from error
        if CONTROL_VERSION not in versions.control:
            served = ", ".join(map(str, versions.control)) or "none"
            who = f"gateway {self.gateway_id} (skytf {versions.program})"
            raise TransferFailed(
                f"{who} serves version {served} of the control API, this client knows {CONTROL_VERSION}", hint=hint
            )
        return versions

    def put_peers(self, peers: Sequence[PeerAddress]) -> None:
        """Tell where its peers are."""
        self._call("PUT", "/v1/peers", msgspec.json.encode(peers))

    def post_shard(self, shard: Shard, *, wait_s: float) -> bool:
        """Hand out *shard*; return False when the gateway had no room for it within *wait_s* (at most 30)."""
        try:
            self._call("POST", f"/v1/shards?wait_s={wait_s:g}", msgspec.json.encode(shard), more_s=wait_s)
        except _RefusedError as refused:
            if refused.status == http.client.TOO_MANY_REQUESTS:
                return False
            raise
        return True

    def lost(self, gateway_id: str) -> None:
        """Tell that *gateway_id* is dead: what it may have held is to be sent again, by others."""
        self._call("POST", "/v1/lost", msgspec.json.encode({"gateway": gateway_id}))

    def stop(self, *, timeout_s: float = 60.0) -> Totals:
        """Stop the gateway; returns what it has counted when its open uploads are aborted."""
        return msgspec.json.decode(self._call("POST", "/v1/stop", more_s=timeout_s - _CALL_TIMEOUT_S), type=Totals)

    def events(self, after: int = 0) -> Iterator[Event]:
        """
        Yield the events that follow number *after*, as they come; the gateway forgets those up to it.

        Ends when the gateway stops in order, or after `close`.
        """
        connection = self._connect()
        try:
            response = self._exchange(connection, "GET", f"/v1/events?after={after}", None, _SILENCE_S)
            for line in _lines(response):
                # a blank line only says that the gateway is alive
                if line.strip():
                    yield self._decode(line)
        except (OSError, http.client.HTTPException) as error:
            if not self._closed:
                raise self._lost(error) from error
        finally:
            self._discard(connection)

    def close(self) -> None:
        """End everything that waits; harmless when done before. The SSH session stays."""
        with self._guard:
            self._closed = True
            connections = list(self._open)
        for connection in connections:
            connection.close_channel()

    def _call(self, method: str, path: str, body: bytes | None = None, *, more_s: float = 0.0) -> bytes:
        connection = self._take()
        try:
            content = self._exchange(connection, method, path, body, _CALL_TIMEOUT_S + more_s).read()
        except (OSError, http.client.HTTPException) as error:
            self._discard(connection)
            raise self._lost(error) from error
        except _RefusedError:
            self._discard(connection)
            raise
        if connection.sock is None:
            self._discard(connection)
        else:
            with self._guard:
                self._idle.append((time.monotonic(), connection))
        return content

    def _exchange(
        self, connection: _Connection, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> http.client.HTTPResponse:
        connection.channel.settimeout(timeout_s)
        connection.request(method, path, body, self._headers)
        response = connection.getresponse()
        if response.status >= http.client.BAD_REQUEST:
            raise _RefusedError(self.gateway_id, f"{method} {path.partition('?')[0]}", response)
        return response

    def _take(self) -> _Connection:
        """Return a connection that was used a moment ago, or a new one."""
        while True:
            with self._guard:
                if not self._idle:
                    break
                used_s, connection = self._idle.pop()
            if time.monotonic() - used_s < _REUSE_WITHIN_S:
                return connection
            self._discard(connection)
        return self._connect()

    def _connect(self) -> _Connection:
        try:
            connection = _Connection(self._session.open_channel(self._port))
        except OSError as error:
            raise self._lost(error) from error
        with self._guard:
            self._open.add(connection)
            closed = self._closed
        if closed:
            self._discard(connection)
            raise GatewayLost(f"the connection to gateway {self.gateway_id} is closed")
        return connection

    def _discard(self, connection: _Connection) -> None:
        with self._guard:
            self._open.discard(connection)
        connection.close()
        connection.close_channel()

    def _decode(self, line: bytes) -> Event:
        try:
            return events.decode(line)
        except ValueError as error:
            raise TransferFailed(f"gateway {self.gateway_id} sent an event we do not know: {error}") from error

    def _lost(self, error: Exception) -> GatewayLost:
        if isinstance(error, TimeoutError):
            return GatewayLost(f"gateway {self.gateway_id} does not answer any more")
        return GatewayLost(f"gateway {self.gateway_id} is lost: {str(error) or 'connection closed'}")


class _RefusedError(TransferFailed):
    def __init__(self, gateway_id: str, what: str, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        try:
            said = msgspec.json.decode(response.read(_READ_BYTES), type=dict[str, str])
        except msgspec.MsgspecError:
            said = {}
        words = said.get("error", f"{response.status} {response.reason}")
        super().__init__(f"gateway {gateway_id} refused {what}: {words}", hint=said.get("hint", ""))


class _Connection(http.client.HTTPConnection):
    """HTTP/1.1 on a channel that is open."""

    def __init__(self, channel: Channel) -> None:
        super().__init__("127.0.0.1")
        self.channel = channel
        self.sock = channel  # of a socket, http.client uses what Channel has

    def connect(self) -> None:
        """Refuse to come back: a call on a connection that broke must not be repeated behind our back."""
        raise http.client.NotConnected

    def close(self) -> None:
        """Let go of the channel without closing it: http.client does this before it reads a last response."""
        self.sock = None
        super().close()

    def close_channel(self) -> None:
        """Close the channel, from any thread; whoever reads sees the end."""
        self.channel.close()


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield lines as soon as they are complete."""
    rest = b""
    while received := response.read1(_READ_BYTES):
        *lines, rest = (rest + received).split(b"\n")
        yield from lines
