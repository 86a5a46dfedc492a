"""
All connections with one peer: opened, replaced, counted as signs of life, and broken off when the peer is dead.

`program.Peer.dial` says which side opens them; that side opens them again when they break, after a pause that grows
and has jitter. The other side asks for the ones its own frames need (`records.Lanes`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from gateway.errors import GatewayError, PeerLost, RemoteWireError, Stopped
from gateway.meter import Meter
from gateway.program import Peer
from gateway.wire.frame import Frame, Message
from gateway.wire.handshake import Handshake, Lane
from gateway.wire.intake import Opener
from gateway.wire.lanes import ControlCalls, ControlLane, Hands, LaneRun, ReceivingLane, SendingLane, Traffic
from gateway.wire.link import Link, PeerAddress
from gateway.wire.mailbox import Mailbox
from gateway.wire.outlet import Exchange, Taker
from gateway.wire.pool import Pool, Scratch
from gateway.wire.sockets import Crew, connect
from gateway.wire.tuning import KernelView, Tuning, look, unanswered_s

_log = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.05
MOST_PAUSE_S = 2.0
HEARTBEAT_S = 2.0
# More than any plan asks for; bounds what a peer can make us hold.
MOST_SLOTS = 256
# A predecessor ends as soon as its callback returns; the dialling side tries again if that takes longer.
_REPLACE_S = 2.0


@dataclass(frozen=True, slots=True)
class SocketProfile:
    """
    One connection with gateway ``gateway``, as `Peers.profile` tells of it.

    ``lane`` is ``control``, ``forward`` or ``backward`` (seen from the side that dialled); ``version`` is the wire's,
    ``tls`` the cipher of TLS, empty without it. ``asked`` is what the program wants, ``used`` what the kernel does.
    """

    gateway: str
    lane: str
    slot: int
    dialled: bool
    version: int
    tls: str
    asked: Tuning
    used: KernelView


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of all peers of one gateway have in common."""

    handshake: Handshake
    crew: Crew
    exchange: Exchange
    pool: Pool
    opener: Opener
    tuning: Tuning
    on_frame: Callable[[str, Frame], None]
    meter_of: Callable[[str], Meter]
    on_message: Callable[[Message], None]
    on_peer: Callable[[str, bool], None]
    hands: Hands | None = None


@dataclass(slots=True, eq=False)
class _Connection:
    link: Link
    run: LaneRun
    ended: threading.Event = field(default_factory=threading.Event)
    replaced: bool = False


class PeerConnections:
    """One peer, and what connects us with it. ``up`` is None until it was seen or given up for the first time."""

    def __init__(self, peer: Peer, shared: Shared) -> None:
        self.gateway = peer.gateway
        self.dial = peer.dial
        self.mailbox = Mailbox(peer.gateway)
        self.address: PeerAddress | None = None
        self.up: bool | None = None
        self.traffic = Traffic()
        self._count = min(max(1, peer.connections), MOST_SLOTS)
        self._shared = shared
        self._lock = threading.Lock()
        self._heard_s = math.inf
        self._connections: dict[tuple[Lane, int], _Connection] = {}
        self._dialled: set[tuple[Lane, int]] = set()
        self._closed = False

    def configure(self, address: PeerAddress) -> None:
        """Take the peer's *address*, from now on valid for every new connection; begin to dial if that is our part."""
        with self._lock:
            if self.address is None:
                self._heard_s = time.monotonic()
            self.address = address
        if self.dial:
            self._open(Lane.CONTROL, 1)
        self.open_for_frames()

    def open_for_frames(self) -> None:
        """See to it that there are connections for our frames, if any queue of ours names the peer."""
        if self.address is not None and self._shared.exchange.serves(self.gateway):
            if self.dial:
                self._open(Lane.FORWARD, self._count)
            else:
                self.mailbox.poke()

    def serve(self, link: Link, lane: Lane, slot: int) -> None:
        """
        Run the connection *link* to its end, in place of an earlier one for the same *lane* and *slot*.

        Raises:
            OSError, GatewayError: What ended it, unless the peer closed it.
        """
        key = (lane, slot)
        link.on_sent, link.on_received = self.traffic.sent, self.traffic.received
        try:
            connection = _Connection(link, self._make_run(link, lane))
            if slot >= (1 if lane is Lane.CONTROL else self._count):
                raise RemoteWireError(f"gateway {self.gateway} opens connection {slot} for {lane.name.lower()}")
            self._replace(key, connection)
            try:
                if lane is Lane.CONTROL:
                    self._revive()
                connection.run.serve()
            finally:
                with self._lock:
                    del self._connections[key]
                connection.ended.set()
        finally:
            link.close()

    def check(self) -> None:
        """Declare the peer dead if nothing was heard for too long; break off connections that lead nowhere."""
        self._check(self._shared.tuning.dead_after_s)

    def give_up(self) -> None:
        """Declare the peer dead at once, on somebody else's word; one that lives comes back by a new connection."""
        self._check(0.0)

    def _check(self, silence_s: float) -> None:
        limit_s = self._shared.tuning.dead_after_s
        with self._lock:
            connections = list(self._connections.values())
            died = self.up is not False and time.monotonic() - self._heard_s >= silence_s
            if died:
                self.up = False
                self._shared.exchange.set_dead(self.gateway, True)
                self.mailbox.set_dead(True)
                self._shared.on_peer(self.gateway, False)
        for connection in connections:
            if died or (connection.link.inspect(unanswered_s) or 0) >= limit_s:
                connection.run.break_off()

    def profile(self) -> list[SocketProfile]:
        """Return what every connection of now is like."""
        with self._lock:
            connections = list(self._connections.items())
        found = []
        for (lane, slot), connection in connections:
            with contextlib.suppress(OSError):  # it has just ended
                if (used := connection.link.inspect(look)) is not None:
                    name, link, asked = lane.name.lower(), connection.link, self._shared.tuning
                    found.append(
                        SocketProfile(self.gateway, name, slot, self.dial, link.version, link.cipher, asked, used)
                    )
        return found

    def close(self) -> None:
        """Break off all connections for good."""
        self.mailbox.close()
        with self._lock:
            self._closed = True
            connections = list(self._connections.values())
        for connection in connections:
            connection.run.break_off()

    def _revive(self) -> None:
        with self._lock:
            self._heard_s = time.monotonic()
            if self.up is not True:
                self.up = True
                self._shared.exchange.set_dead(self.gateway, False)
                self.mailbox.set_dead(False)
                self._shared.on_peer(self.gateway, True)

    def passed(self, sent_bytes: int, received_bytes: int) -> None:
        """Count what another process of this gateway has sent and received."""
        self.traffic.sent(sent_bytes)
        self.traffic.received(received_bytes)
        if received_bytes:
            self._heard(received_bytes)

    def _heard(self, _: int) -> None:
        self._heard_s = time.monotonic()

    def _replace(self, key: tuple[Lane, int], connection: _Connection) -> None:
        with self._lock:
            old = self._connections.get(key)
            if old is not None and old.replaced:
                # One that waits for it is enough: bounds what a peer can make us hold.
                raise PeerLost(f"an earlier connection of gateway {self.gateway} is being replaced")
            if old is not None:
                old.replaced = True
        if old is not None:
            old.run.break_off()
            old.ended.wait(_REPLACE_S)
        with self._lock:
            if self._closed:
                raise Stopped("the connections to the peers are closed")
            if key in self._connections:
                raise PeerLost(f"an earlier connection of gateway {self.gateway} is still busy")
            self._connections[key] = connection

    def _make_run(self, link: Link, lane: Lane) -> LaneRun:
        shared = self._shared
        if lane is Lane.CONTROL:
            calls = ControlCalls(shared.on_message, self._open_backward, self._lanes_wanted, self._heard)
            return ControlLane(link, self.mailbox, min(HEARTBEAT_S, shared.tuning.dead_after_s / 4), calls)
        if self.dial == (lane is Lane.FORWARD):
            taker = Taker(shared.exchange, self.gateway)
            send = partial(self._sending, link, taker)
            return send() if shared.hands is None else shared.hands.sending(link, shared.exchange, taker, send)
        receive = partial(self._receiving, link)
        return receive() if shared.hands is None else shared.hands.receiving(link, self.gateway, receive)

    def _sending(self, link: Link, taker: Taker) -> LaneRun:
        shared = self._shared
        scratch = Scratch.of(shared.pool.slice_bytes)
        return SendingLane(link, shared.exchange, taker, scratch=scratch, heard=self._heard)

    def _receiving(self, link: Link) -> LaneRun:
        shared = self._shared
        return ReceivingLane(
            link,
            shared.pool,
            opener=shared.opener,
            on_frame=lambda frame: shared.on_frame(self.gateway, frame),
            heard=self._heard,
            meter_of=shared.meter_of,
        )

    def _lanes_wanted(self) -> int:
        return 0 if self.dial or not self._shared.exchange.serves(self.gateway) else self._count

    def _open_backward(self, count: int) -> None:
        if not self.dial:
            raise RemoteWireError(f"gateway {self.gateway} asks us to dial, which is its part")
        self._open(Lane.BACKWARD, min(count, self._count))

    def _open(self, lane: Lane, count: int) -> None:
        with self._lock:
            slots = [slot for slot in range(count) if (lane, slot) not in self._dialled]
            self._dialled.update((lane, slot) for slot in slots)
        for slot in slots:
            name = f"{lane.name.lower()} {slot} to {self.gateway}"
            self._shared.crew.start(name, partial(self._keep_dialling, lane, slot))

    def _keep_dialling(self, lane: Lane, slot: int) -> None:
        closing = self._shared.crew.closing
        pause_s = FIRST_PAUSE_S
        said = ""
        while not closing.is_set():
            began_s = time.monotonic()
            try:
                self.serve(self._connect(lane, slot), lane, slot)
            except Exception as error:  # noqa: BLE001 -- whatever it was, there must be a connection again
                # The same failure again and again is one line in the log.
                level = logging.INFO if str(error) == said else logging.WARNING
                said = str(error)
                bug, name = not isinstance(error, OSError | GatewayError), lane.name.lower()
                _log.log(level, "%s connection %d to gateway %s: %s", name, slot, self.gateway, said, exc_info=bug)
            lasted_s = time.monotonic() - began_s
            pause_s = FIRST_PAUSE_S if lasted_s > MOST_PAUSE_S else min(pause_s * 2, MOST_PAUSE_S)
            closing.wait(pause_s * random.uniform(0.5, 1))  # noqa: S311 -- jitter, no secret

    def _connect(self, lane: Lane, slot: int) -> Link:
        address, shared = self.address, self._shared
        assert address is not None
        sock = connect(shared.crew, address.host, address.port, shared.tuning.prepare)
        with shared.crew.opening(sock):
            link = shared.handshake.initiate(sock, self.gateway, address.public_key, lane, slot)
            shared.tuning.apply(sock, patient=lane is not Lane.CONTROL)
        return link
