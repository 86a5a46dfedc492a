"""A program that is running: operators, peers and pool, wired together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from gateway.delivery.events import Counters, Events
from gateway.delivery.ledger import Limits
from gateway.delivery.letters import Letter
from gateway.delivery.post import Post
from gateway.delivery.runtime import Runtime, Secrets
from gateway.errors import BadProgram, GatewayError, IntegrityError, LocalWireError, PeerLost, RemoteWireError, Stopped
from gateway.hands.hands import Hands
from gateway.hands.parts import Parts, Voice, make_pools
from gateway.meter import Meter
from gateway.operators.base import Operator, SourceOperator
from gateway.operators.heads import heads, listeners
from gateway.operators.totals import totals
from gateway.program import Program
from gateway.shard import Shard
from gateway.wire.certificates import tls_of
from gateway.wire.connections import SocketProfile
from gateway.wire.frame import Frame, Message
from gateway.wire.intake import Intake
from gateway.wire.peers import Identity, PeerAddress, Peers
from gateway.wire.pool import Pool, Scratch
from gateway.wire.records import FrameHeader


class Pipeline:
    """
    The program of one gateway, running from `start` to `stop`.

    Raises, when it is made:
        BadProgram: The program does not fit this gateway: a chunk is larger than the pool, a store or a key is missing.
    """

    def __init__(
        self,
        program: Program,
        secrets: Secrets,
        events: Events,
        *,
        log: Callable[[str], None] = lambda _: None,
        limits: Limits | None = None,
        dead_after_s: float | None = None,
        processes: int = 1,
    ) -> None:
        self._pools = make_pools(program, shared=processes > 1)
        self.program = program
        self.events = events
        self.counters = Counters(events)
        self._secrets = secrets
        self._post = Post(program.gateway, secrets.transfer_id, secrets.payload_key)
        self._log = log
        self._up: dict[str, bool] = {peer.gateway: False for peer in program.peers}
        self._given_up: set[str] = set()
        self._crashed = False
        self._draining = False
        self._stopping = False
        self._lock = threading.Lock()
        self._hands = Hands(processes)
        self._peers = self._make_peers(self._pools[-1], dead_after_s)
        self.counters.traffic = self._peers.traffic
        self._voice = Voice(self._peers.send_message, self._on_crash)
        self._runtime = self._make_runtime(self._pools[0])
        self._heads = heads(program, self._runtime, self._peers, limits)
        self._operators = [operator for head in dict.fromkeys(self._heads.values()) for operator in head.walk()]

    @property
    def state(self) -> str:
        """``idle``, ``running``, ``draining``, ``stopping`` or ``failed``."""
        if self._crashed:
            return "failed"
        if self._stopping:
            return "stopping"
        if self._draining:
            return "draining"
        return "running" if len(self.events.shards) else "idle"

    @property
    def peers_up(self) -> dict[str, bool]:
        """Gateway id → whether there is a connection to it."""
        return dict(self._up)

    def start(self, host: str, port: int) -> int:
        """Listen for peers, start all threads, and return the port. Raises: OSError, if the port is taken."""
        self._hands.start(self._parts())
        port = self._peers.listen(host, port)
        for operator in self._operators:
            operator.start()
        return port

    def configure_peers(self, addresses: Sequence[PeerAddress]) -> None:
        """Connect to the peers at *addresses*."""
        self._peers.configure(addresses)

    def submit(self, shard: Shard, wait_s: float) -> bool:
        """
        Hand *shard* to its source; return whether it was taken within *wait_s*. One that is open already is taken.

        Raises:
            BadProgram: No source of this gateway reads the shard's partition, or leads to its destinations.
            Stopped: The gateway stops, or takes no more.
        """
        return self.submit_all([shard], wait_s) == 1

    def submit_all(self, shards: Sequence[Shard], wait_s: float) -> int:
        """Hand *shards* to their sources in order, and return how many were taken within *wait_s*; as `submit`."""
        heads = [self._reader(shard) for shard in shards]
        deadline = time.monotonic() + wait_s
        for taken, (head, shard) in enumerate(zip(heads, shards, strict=True)):
            if self._draining:
                raise Stopped(f"{self.program.gateway} takes no more shards")
            if not self._give(head, shard, max(0.0, deadline - time.monotonic())):
                return taken
        return len(shards)

    def _give(self, head: Operator, shard: Shard, wait_s: float) -> bool:
        if not self.events.shards.take(shard.shard_id):
            return True  # offered again by a client that did not hear that it was taken
        taken = False
        try:
            taken = head.submit(shard, wait_s)
        finally:
            if not taken:
                self.events.shards.forget(shard.shard_id)
        return taken

    def _reader(self, shard: Shard) -> Operator:
        head = self._heads.get(shard.partition)
        if head is None or not head.takes_shards:
            raise BadProgram(
                f"{self.program.gateway} reads nothing of partition {shard.partition!r}", hint="ask a source gateway"
            )
        if missing := [d for d in shard.destinations if str(d) not in self.program.sinks.get(shard.partition, {})]:
            raise BadProgram(f"partition {shard.partition!r} has no destination {missing[0]}")
        return head

    def drain(self, wait_s: float) -> int:
        """Take no more shards; return how many are not done once all are, or after *wait_s*."""
        self._draining = True
        return self.events.shards.wait(wait_s)

    def totals(self) -> dict[str, Any]:
        """Return all counts, those of each operator and what they say, as they travel."""
        return totals(self.counters.read(), self._heads)

    def sockets(self) -> list[SocketProfile]:
        """Return what is known of each connection with a peer."""
        return self._peers.profile()

    def lost(self, gateway: str) -> None:
        """Do without *gateway*: repeat what it may have held."""
        self._log(f"gateway {gateway} is lost")
        self._given_up.add(gateway)
        # Before anything is repeated: what we say from here on must not go by way of it.
        self._peers.give_up(gateway)
        for head in self._sources():
            head.coordinator.lost(gateway)

    def stop(self) -> None:
        """Take nothing more, abort what is open, and end every thread. A second call waits for the first."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            self.events.shards.close()
            for operator in self._operators:
                operator.close()
            for pool in self._pools:
                pool.close()
            try:
                self._peers.close()
            except LocalWireError as error:
                # A store call hangs in a connection's thread; the uploads below can be aborted all the same.
                self._log(f"connections not closed in order: {error}")
            # Before uploads are aborted: nobody may write to them then.
            self._hands.close()
            for operator in self._operators:
                operator.join()
        self._log("stopped")

    @property
    def processes(self) -> int:
        """How many processes run connections, this one included."""
        return self._hands.running

    def _parts(self) -> Parts:
        return Parts(
            heads=self._heads,
            operators=self._operators,
            peers=self._peers,
            pools=self._pools,
            receiving=self._pools[-1],
            counters=self.counters,
            events=self.events,
            voice=self._voice,
            take_in=self._take_in,
            on_frame=self._on_frame,
            meter_of=self._meter_of,
            log=self._log,
        )

    def _make_peers(self, pool: Pool, dead_after_s: float | None) -> Peers:
        return Peers(
            self.program,
            Identity(self._secrets.link_private_key),
            pool,
            on_frame=self._on_frame,
            on_message=self._on_message,
            on_peer=self._on_peer,
            opener=self._take_in,
            meter_of=self._meter_of,
            dead_after_s=dead_after_s,
            transfer_id=self._secrets.transfer_id,
            hands=self._hands if self._hands.wanted else None,
            tls=tls_of(self.program, self._secrets.link_tls, self._secrets.transfer_id),
        )

    def _make_runtime(self, pool: Pool) -> Runtime:
        return Runtime(
            gateway=self.program.gateway,
            secrets=self._secrets,
            settings=self.program.settings,
            pool=pool,
            events=self.events,
            counters=self.counters,
            say=self._say,
            on_crash=lambda thread, error: self._voice.crash(thread, error),  # noqa: PLW0108 -- a hand has another
            log=self._log,
        )

    def _sources(self) -> list[SourceOperator]:
        return [operator for operator in self._operators if isinstance(operator, SourceOperator)]

    def _on_frame(self, peer: str, frame: Frame) -> None:
        self.events.changed()  # a relay has no other news of what passes
        head = self._heads.get(frame.partition)
        if head is None:
            self._log(f"frame of unknown partition {frame.partition!r} from {peer} dropped")
            frame.release()
            return
        head.put(frame)

    def _take_in(self, header: FrameHeader, manifest: bytes, scratch: Scratch) -> Intake | None:
        head = self._heads.get(header.partition)
        return None if head is None else head.take_in(header, manifest, scratch)

    def _meter_of(self, partition: str) -> Meter:
        head = self._heads.get(partition)
        return Meter() if head is None else head.meter

    def _on_message(self, message: Message) -> None:
        """Take a message for this gateway; it may come from any thread of the peers, and must not wait."""
        try:
            letter = self._post.open(message)
        except (IntegrityError, RemoteWireError) as error:
            self._log(f"message {message.kind!r} from {message.sender!r} dropped: {error}")
            return
        for operator in listeners(self._heads.get(letter.partition), letter):
            if operator.hear(message.sender, letter):
                return

    def _say(self, to: str, letter: Letter) -> None:
        self._send(self._post.seal(to, letter))

    def _send(self, message: Message) -> None:
        try:
            self._voice.carry(message)
        except PeerLost as error:
            self._log(f"message {message.kind!r} to {message.to} not sent: {error}")
        except Stopped:
            if not self._stopping:
                raise

    def _on_peer(self, gateway: str, up: bool) -> None:
        self._up[gateway] = up
        self._log(f"peer {gateway} is {'up' if up else 'down'}")
        self.events.emit("peer", gateway=gateway, up=up)
        if not up:
            self.events.troubles.add("peer", gateway, "the link is down")
        for head in self._sources():
            if up:
                head.coordinator.found(gateway)
            elif gateway not in self._given_up:
                head.coordinator.lost(gateway)
        if up:
            self._given_up.discard(gateway)

    def _on_crash(self, thread: str, error: BaseException) -> None:
        self._crashed = True
        hint = error.hint if isinstance(error, GatewayError) else "the gateway's log has the details"
        self._log(f"fatal: {thread}: {type(error).__name__}: {error}")
        self.events.emit("fatal", error=f"{thread}: {type(error).__name__}: {error}", hint=hint)
