"""A program that is running: operators, peers and pool, wired together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from gateway.delivery.events import Counters, Events
from gateway.delivery.ledger import Limits
from gateway.delivery.letters import Abort, Complete, Letter, Open, kind_of, pack, unpack
from gateway.delivery.runtime import Runtime, Secrets
from gateway.errors import BadProgram, GatewayError, IntegrityError, LocalWireError, PeerLost, RemoteWireError, Stopped
from gateway.operators import OPERATORS
from gateway.operators.base import Context, Operator, SourceOperator
from gateway.program import Group, Program, Step
from gateway.registry import load
from gateway.shard import Shard
from gateway.wire.codecs import open_message, seal_message
from gateway.wire.frame import Frame, Message
from gateway.wire.peers import Identity, PeerAddress, Peers
from gateway.wire.pool import Pool


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
        dead_after_s: float = 10.0,
    ) -> None:
        reading, receiving = _pools(program)
        self.program = program
        self.events = events
        self.counters = Counters(events)
        self._secrets = secrets
        self._log = log
        self._up: dict[str, bool] = {peer.gateway: False for peer in program.peers}
        self._given_up: set[str] = set()
        self._crashed = False
        self._stopping = False
        self._lock = threading.Lock()
        self._pools = {reading, receiving}
        self._peers = self._make_peers(receiving, dead_after_s)
        self.counters.traffic = self._peers.traffic
        self._runtime = self._make_runtime(reading)
        self._heads = {
            partition: head
            for group in program.groups
            for head in [self._head(group, limits)]
            for partition in group.partitions
        }
        self._operators = [operator for head in dict.fromkeys(self._heads.values()) for operator in head.walk()]

    @property
    def state(self) -> str:
        """``idle``, ``running``, ``stopping`` or ``failed``."""
        if self._crashed:
            return "failed"
        if self._stopping:
            return "stopping"
        sources = [head for head in self._heads.values() if isinstance(head, SourceOperator)]
        return "idle" if all(source.coordinator.idle for source in sources) else "running"

    @property
    def peers_up(self) -> dict[str, bool]:
        """Gateway id → whether there is a connection to it."""
        return dict(self._up)

    def start(self, host: str, port: int) -> int:
        """Listen for peers, start all threads, and return the port. Raises: OSError, if the port is taken."""
        port = self._peers.listen(host, port)
        for operator in self._operators:
            operator.start()
        return port

    def configure_peers(self, addresses: Sequence[PeerAddress]) -> None:
        """Connect to the peers at *addresses*."""
        self._peers.configure(addresses)

    def submit(self, shard: Shard, wait_s: float) -> bool:
        """
        Hand *shard* to its source; return whether it was taken within *wait_s*.

        Raises:
            BadProgram: No source of this gateway reads the shard's partition.
            Stopped: The gateway stops.
        """
        head = self._heads.get(shard.partition)
        if not isinstance(head, SourceOperator):
            raise BadProgram(
                f"{self.program.gateway} reads nothing of partition {shard.partition!r}", hint="ask a source gateway"
            )
        if missing := [d for d in shard.destinations if str(d) not in self.program.sinks.get(shard.partition, {})]:
            raise BadProgram(f"partition {shard.partition!r} has no destination {missing[0]}")
        return head.submit(shard, wait_s)

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
            for operator in self._operators:
                operator.close()
            for pool in self._pools:
                pool.close()
            try:
                self._peers.close()
            except LocalWireError as error:
                # A store call hangs in a connection's thread; the uploads below can be aborted all the same.
                self._log(f"connections not closed in order: {error}")
            for operator in self._operators:
                operator.join()
        self._log("stopped")

    def _make_peers(self, pool: Pool, dead_after_s: float) -> Peers:
        return Peers(
            self.program,
            Identity(self._secrets.link_private_key),
            pool,
            on_frame=self._on_frame,
            on_message=self._on_message,
            on_peer=self._on_peer,
            dead_after_s=dead_after_s,
            transfer_id=self._secrets.transfer_id,
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
            on_crash=self._on_crash,
            log=self._log,
        )

    def _sources(self) -> list[SourceOperator]:
        return [operator for operator in self._operators if isinstance(operator, SourceOperator)]

    def _head(self, group: Group, limits: Limits | None) -> Operator:
        """Return the operator at the head of *group*, which makes those below it."""

        def build(step: Step) -> Operator:
            operator: Operator = load(OPERATORS[step.op])(step, context)
            return operator

        context = Context(self._runtime, self._peers, self.program.sinks, build, limits, group.partitions[0])
        return build(group.head)

    def _on_frame(self, peer: str, frame: Frame) -> None:
        self.events.changed()  # a relay has no other news of what passes
        head = self._heads.get(frame.partition)
        if head is None:
            self._log(f"frame of unknown partition {frame.partition!r} from {peer} dropped")
            frame.release()
            return
        head.put(frame)

    def _on_message(self, message: Message) -> None:
        """Take a message for this gateway; it may come from any thread of the peers, and must not wait."""
        key = self._secrets.payload_key
        try:
            if key is None:
                raise RemoteWireError("a relay has no business with messages")
            fields = message.to, message.sender, message.kind
            body = open_message(key, self._secrets.transfer_id, *fields, message.seal)
            letter = unpack(message.kind, body)
        except (IntegrityError, RemoteWireError) as error:
            self._log(f"message {message.kind!r} from {message.sender!r} dropped: {error}")
            return
        for operator in self._listeners(letter):
            if operator.hear(message.sender, letter):
                return

    def _listeners(self, letter: Letter) -> list[Operator]:
        head = self._heads.get(letter.partition)
        if head is None:
            return []
        if isinstance(letter, Open | Complete | Abort):
            return [operator for operator in head.walk() if operator is not head]
        return [head]

    def _say(self, to: str, letter: Letter) -> None:
        kind, sender = kind_of(letter), self.program.gateway
        key = self._runtime.payload_key
        seal = seal_message(key, self._secrets.transfer_id, to, sender, kind, pack(letter))
        try:
            self._peers.send_message(Message(to=to, sender=sender, kind=kind, seal=seal))
        except PeerLost as error:
            self._log(f"message {kind!r} to {to} not sent: {error}")
        except Stopped:
            if not self._stopping:
                raise

    def _on_peer(self, gateway: str, up: bool) -> None:
        self._up[gateway] = up
        self._log(f"peer {gateway} is {'up' if up else 'down'}")
        self.events.emit("peer", gateway=gateway, up=up)
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


def _pools(program: Program) -> tuple[Pool, Pool]:
    """
    Return the pool that is read into and the one that is received into: one, or two of half the size.

    Two gateways that send to each other from one pool each could fill both with what they send, and wait for ever for
    memory to receive into.

    Raises:
        BadProgram: A chunk or a whole object does not fit.
    """
    settings = program.settings
    both = len({group.head.op == "receive" for group in program.groups}) == 2
    pool_bytes = settings.pool_bytes // 2 if both else settings.pool_bytes
    largest = max(settings.chunk_bytes, settings.threshold_bytes, settings.batch_bytes)
    if largest > pool_bytes // settings.slice_bytes * settings.slice_bytes:
        raise BadProgram(
            f"a piece of {largest} bytes does not fit a pool of {pool_bytes} bytes",
            hint="lower chunk_bytes and threshold_bytes, or raise pool_bytes",
        )
    reading = Pool(pool_bytes, settings.slice_bytes)
    return reading, Pool(pool_bytes, settings.slice_bytes) if both else reading
