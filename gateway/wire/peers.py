"""
The gateways at the other end of our links: frames to them, messages through them, their life and death.

Each pair has one control connection (messages, signs of life) and `program.Peer.connections` for frames, in each
direction that is used. A peer is dead when nothing was heard from it for ``dead_after_s``; it may come back.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from gateway.errors import GatewayError, LocalWireError, PeerLost, RemoteWireError, Stopped
from gateway.meter import Meter
from gateway.program import Program
from gateway.wire.certificates import Tls
from gateway.wire.connections import PeerConnections, Shared, SocketProfile
from gateway.wire.frame import Frame, Message
from gateway.wire.handshake import Handshake, Lane
from gateway.wire.intake import Opener
from gateway.wire.lanes import Hands
from gateway.wire.link import Identity, PeerAddress
from gateway.wire.outlet import Exchange, FrameQueue
from gateway.wire.pool import Pool
from gateway.wire.records import decode_message, encode_message
from gateway.wire.sockets import Acceptor, Complaints, Crew
from gateway.wire.tuning import Tuning

__all__ = ["FrameQueue", "Identity", "PeerAddress", "Peers"]

_log = logging.getLogger(__name__)
# How long `close` lets messages leave that wait already, and then waits for callbacks to return.
_DRAIN_S = 0.3
_JOIN_S = 5.0


class Peers:
    """
    The links of one gateway.

    Threads: one per connection, a second one where frames are sent or messages flow, one that listens, one that
    watches. Memory beside *pool*: the frame queues hold frames of a pool, each mailbox is bounded.

    Args:
        program: Whose peers, routes and gateway id are ours.
        identity: Our key pair.
        pool:
            Where arriving frames get memory. A frame larger than the pool is refused. A gateway that also makes frames
            makes them in another pool: two gateways whose pools are full of frames for each other would wait for ever.
        on_frame:
            Called with the peer's id and a frame that the callee must release, in the thread of that connection. While
            it blocks the peer's connection waits; the frame is acknowledged when it returns. Must raise or return
            once the pipeline is stopped.
        on_message: Called with each message for us, in the thread of a connection; must not block for long, nor raise.
        on_peer: Called on transitions only, one at a time, by the thread that watches; must not block for long.
        opener: Asked first who takes an arriving frame in as it comes; by default all are kept whole, for *on_frame*.
        meter_of: Who counts the frames that arrive for a partition.
        dead_after_s: How long a peer may be silent; None takes what the program's settings say.
        transfer_id: Bound into every handshake.
        tls, hands: Around every connection; other processes of this gateway that run some of them.
    """

    def __init__(
        self,
        program: Program,
        identity: Identity,
        pool: Pool,
        *,
        on_frame: Callable[[str, Frame], None],
        on_message: Callable[[Message], None],
        on_peer: Callable[[str, bool], None],
        opener: Opener = lambda *_: None,
        meter_of: Callable[[str], Meter] = lambda _: Meter(),
        dead_after_s: float | None = None,
        transfer_id: str = "",
        tls: Tls | None = None,
        hands: Hands | None = None,
    ) -> None:
        settings = program.settings
        dead_after_s = settings.dead_after_s if dead_after_s is None else dead_after_s
        self._program = program
        self._on_message = on_message
        self._on_peer = on_peer
        self._dead_after_s = dead_after_s
        self._crew = Crew()
        self._complaints = Complaints()
        self._exchange = Exchange()
        self._acceptors: list[Acceptor] = []
        self._changed = threading.Condition()
        self._transitions: deque[tuple[str, bool]] = deque()
        self._lost_messages = 0
        self._shared = Shared(
            handshake=Handshake(identity, program.gateway, transfer_id, tls=tls),
            crew=self._crew,
            exchange=self._exchange,
            pool=pool,
            opener=opener,
            tuning=Tuning(dead_after_s, settings.congestion, settings.socket_buffer_bytes),
            on_frame=on_frame,
            meter_of=meter_of,
            on_message=self._arrived,
            on_peer=self._note,
            hands=hands,
        )
        self._peers = {peer.gateway: PeerConnections(peer, self._shared) for peer in program.peers}

    def listen(self, host: str, port: int) -> int:
        """
        Take connections on *host* and *port* (0: any free one), watch the peers, and return the port.

        Raises:
            UsageError: The port is taken, or the address is not ours.
        """
        if not self._acceptors:  # no earlier: a program that is refused must not leave a thread behind
            self._crew.start("peer watch", self._watch)
        if problem := self._shared.tuning.problem():
            _log.warning("%s", problem)
        acceptor = Acceptor(self._crew, host, port, self._accepted, self._shared.tuning.prepare)
        self._acceptors.append(acceptor)
        return acceptor.port

    def configure(self, addresses: Sequence[PeerAddress]) -> None:
        """Take the addresses of the fleet (those that are no peers of ours are ignored) and begin to dial."""
        for address in addresses:
            peer = self._peers.get(address.gateway)
            if peer is not None:
                peer.configure(address)

    def outlet(self, peers: tuple[str, ...]) -> FrameQueue:
        """
        Return the queue for which the connections of all *peers* compete; the same set gives the same queue.

        Raises:
            LocalWireError: One is no peer of this gateway, or there is none.
        """
        if not peers or (strangers := set(peers) - set(self._peers)):
            raise LocalWireError(
                f"{self._program.gateway} has no link with {', '.join(sorted(strangers or {'nobody'}))}"
            )
        queue = self._exchange.queue(peers)
        for peer in queue.peers:
            self._peers[peer].open_for_frames()
        return queue

    def send_message(self, message: Message) -> None:
        """
        Send *message* to its gateway, directly or by the program's routes; to ourselves it is handed over at once.

        Waits up to ``dead_after_s`` while too many messages for a living next hop wait already. It arrives at
        least once, unless a hop dies for good. Where every next hop is dead it waits for the return of one; the oldest
        messages make room for new ones then.

        Raises:
            PeerLost: The program has no way to the gateway, or its next hop takes no messages.
            LocalWireError: The message is over a limit of the wire.
            Stopped: The peers are closed.
        """
        if message.to == self._program.gateway:
            self._on_message(message)
        else:
            self._forward(message, self._dead_after_s)

    def give_up(self, gateway: str) -> None:
        """Do without *gateway* from now on, as if it had been silent for too long; ignored if it is no peer."""
        if gateway in self._peers:
            self._peers[gateway].give_up()

    def alive(self) -> dict[str, bool]:
        """Return for each peer whether it is up now."""
        return {gateway: peer.up is True for gateway, peer in self._peers.items()}

    def counters(self) -> dict[str, int]:
        """Return what was counted so far: bytes on the wire, frames and messages that did not get through."""
        return {
            "bytes_sent": sum(peer.traffic.sent_bytes for peer in self._peers.values()),
            "bytes_received": sum(peer.traffic.received_bytes for peer in self._peers.values()),
            "frames_resent": self._exchange.resent,
            "frames_dropped": self._exchange.dropped,
            "messages_dropped": self._lost_messages + sum(peer.mailbox.dropped for peer in self._peers.values()),
        }

    def traffic(self) -> dict[str, tuple[int, int]]:
        """
        Return for each peer the bytes on the wire so far, sent to it and received from it, whoever dialled.

        Frames after compression with their headers, what a broken connection made us send again, acknowledgements,
        messages and signs of life.
        """
        return {name: (peer.traffic.sent_bytes, peer.traffic.received_bytes) for name, peer in self._peers.items()}

    def passed(self, gateway: str, sent_bytes: int, received_bytes: int) -> None:
        """Count what another process of this gateway has sent to *gateway* and received from it."""
        self._peers[gateway].passed(sent_bytes, received_bytes)

    def profile(self) -> list[SocketProfile]:
        """Return how every connection of now is set up and how it goes, as its kernel tells (`wire.tuning`)."""
        return [socket for _, peer in sorted(self._peers.items()) for socket in peer.profile()]

    def close(self) -> None:
        """
        End all connections and join all threads; `FrameQueue.put` and `send_message` raise `Stopped` from now on.

        Raises:
            LocalWireError: A callback has not returned after 5 s.
        """
        deadline = time.monotonic() + _DRAIN_S
        for peer in self._peers.values():
            if peer.up:
                peer.mailbox.drain(max(0.0, deadline - time.monotonic()))
        self._crew.close()
        for acceptor in self._acceptors:
            acceptor.close()
        self._exchange.close()
        for peer in self._peers.values():
            peer.close()
        with self._changed:
            self._changed.notify_all()
        self._crew.join(_JOIN_S)

    def _accepted(self, sock: socket.socket, handshaken: Callable[[], None]) -> None:
        peer: str | None = None
        try:
            with self._crew.opening(sock):
                link, hello = self._shared.handshake.respond(sock, self._key_of)
                self._shared.tuning.apply(sock, patient=hello.lane is not Lane.CONTROL)
            handshaken()
            peer = hello.gateway
            self._peers[peer].serve(link, hello.lane, hello.slot)
        except (OSError, GatewayError) as error:
            # A stranger may come as often as it likes; a peer that breaks the rules is worth a line in every log.
            level = logging.WARNING if peer is not None and isinstance(error, RemoteWireError) else logging.INFO
            self._complaints.say(level, peer or "somebody", error)

    def _key_of(self, gateway: str) -> bytes | None:
        peer = self._peers.get(gateway)
        # Who is ours to dial has no reason to dial us.
        return None if peer is None or peer.dial or peer.address is None else peer.address.public_key

    def _arrived(self, message: Message) -> None:
        if message.to == self._program.gateway:
            self._on_message(message)
            return
        try:
            # Half the time, so that waiting here does not make the peer we read from look dead.
            self._forward(message, self._dead_after_s / 2)
        except PeerLost as error:
            with self._changed:
                self._lost_messages += 1
            _log.warning("message %s from %s to %s is dropped: %s", message.kind, message.sender, message.to, error)

    def _forward(self, message: Message, timeout_s: float) -> None:
        body = encode_message(message)
        if self._crew.closing.is_set():
            raise Stopped("the connections to the peers are closed")
        self._next_hop(message.to).mailbox.put(body, timeout_s)

    def _next_hop(self, gateway: str) -> PeerConnections:
        hops = [self._peers[hop] for hop in (gateway, *self._program.routes.get(gateway, ())) if hop in self._peers]
        for wanted in (True, None, False):  # one that is up, else one that may come up, or come back
            for hop in hops:
                if hop.up is wanted:
                    return hop
        raise PeerLost(
            f"{self._program.gateway} has no way to gateway {gateway}",
            hint="the program has no route to it",
        )

    def _reroute(self, gateway: str) -> None:
        """Send what waits for *gateway*, which is dead, another way where there is one."""
        for body in self._peers[gateway].mailbox.withdraw():
            try:
                self._next_hop(decode_message(body).to).mailbox.put(body, 0)
            except PeerLost:
                with self._changed:
                    self._lost_messages += 1
            except Stopped:
                return

    def _note(self, gateway: str, up: bool) -> None:
        with self._changed:
            self._transitions.append((gateway, up))
            self._changed.notify_all()

    def _watch(self) -> None:
        while not self._crew.closing.is_set():
            for peer in self._peers.values():
                peer.check()
            self._exchange.rescue(time.monotonic())
            with self._changed:
                self._changed.wait_for(lambda: self._transitions or self._crew.closing.is_set(), self._dead_after_s / 4)
                transitions, self._transitions = self._transitions, deque()
            for gateway, up in transitions:
                _log.warning("gateway %s is %s", gateway, "up" if up else "lost")
                if not up:
                    self._reroute(gateway)
                self._on_peer(gateway, up)
