"""The contract of an operator: one step of a program, running."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gateway.delivery.coordinator import Coordinator
from gateway.delivery.exists import Writable
from gateway.delivery.ledger import Limits
from gateway.delivery.letters import Letter
from gateway.delivery.runtime import Runtime
from gateway.delivery.sink import Sink
from gateway.delivery.source import Source
from gateway.errors import BadProgram
from gateway.mapping import destination_key
from gateway.meter import Meter
from gateway.program import Step
from gateway.shard import Shard
from gateway.stores import open_store
from gateway.stores.base import Readable, Store, StoreSpec
from gateway.stores.counting import Count
from gateway.stores.retry import RetryingStore
from gateway.wire.frame import Frame
from gateway.wire.intake import Intake
from gateway.wire.peers import FrameQueue
from gateway.wire.pool import Scratch
from gateway.wire.records import FrameHeader

# How long a gateway bears with a store that is out of service: a minute and some. Less than the patience that a
# coordinator has with a sink (`Limits.receipt_timeout_s`): after that everything would be sent again.
STORE_PATIENCE_S = 90.0


class Outlets(Protocol):
    """What gives queues to peers: `gateway.wire.peers.Peers`."""

    def outlet(self, peers: tuple[str, ...]) -> FrameQueue:
        """Return the queue that the connections of all *peers* compete for."""


@dataclass(frozen=True, slots=True)
class Context:
    """
    What a step needs beside its own params.

    ``build`` makes the operator of another step; ``sinks`` are those of the program. ``partition`` is the first one of
    the group that the step is in: under its name is counted what a store is asked for all of them.
    """

    runtime: Runtime
    outlets: Outlets
    sinks: Mapping[str, Mapping[str, Sequence[str]]]
    build: Callable[[Step], Operator]
    limits: Limits | None = None
    partition: str = ""


class Operator:
    """
    One step, running. The order of calls: `start` once; `put` and `hear` from any thread; `close`; `join`.

    A subclass takes ``(step, context)``, names its ``params`` and raises `BadProgram` for those that it cannot use. At
    the head of a group, ``takes_frames`` says whether it may be `put` what peers send, ``takes_shards`` whether
    `submit` finds a source.
    """

    params: frozenset[str] = frozenset()
    takes_frames = True
    takes_shards = False

    def __init__(self, step: Step, context: Context) -> None:  # noqa: ARG002 -- subclasses use it
        if strange := step.params.keys() - self.params:
            raise BadProgram(f"{step.op!r} has a param that means nothing to it: {min(strange)!r}")
        self.step = step
        self.children: list[Operator] = []
        self.meter = Meter()

    @property
    def to(self) -> tuple[str, ...]:
        """The gateways or the destination that it leads to, as far as it is the one that knows."""
        return ()

    def submit(self, shard: Shard, wait_s: float | None) -> bool:  # noqa: ARG002 -- only sources take shards
        """
        Take *shard* unless there is no room for *wait_s* (None: wait for it); return whether it was taken.

        Raises:
            Stopped: The gateway stops.
        """
        raise BadProgram(f"{self.step.op!r} reads nothing")

    def put(self, frame: Frame) -> None:
        """
        Take over one reference to *frame*, also where this raises; wait while there is no room for it.

        Raises:
            Stopped: The gateway stops.
        """
        frame.release()
        raise BadProgram(f"{self.step.op!r} takes no frames from another step")

    def take_in(self, header: FrameHeader, manifest: bytes, scratch: Scratch) -> Intake | None:  # noqa: ARG002 -- as `hear`
        """Return what takes an arriving frame in as it comes, None to be given it by `put` when it is whole."""
        return None

    @property
    def outlet(self) -> FrameQueue | None:
        """The queue that all frames given to this operator go into, if it does nothing else."""
        return None

    def hear(self, sender: str, letter: Letter) -> bool:  # noqa: ARG002 -- most operators hear nothing
        """Take *letter* if it is for this operator; return whether it was. Never waits."""
        return False

    def start(self) -> None:
        """Start the operator's threads."""

    def close(self) -> None:
        """Refuse what comes from now on and wake everyone who waits; does not wait itself."""

    def join(self) -> None:
        """Wait for the operator's threads, after `close`, and clean up."""

    def walk(self) -> Iterator[Operator]:
        """Yield this operator and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class SourceOperator(Operator):
    """A head that reads: it has a coordinator, takes shards, and gives its frames to its children."""

    takes_frames = False
    takes_shards = True

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        self.children = [context.build(child) for child in step.children]
        runtime = context.runtime
        self.coordinator = Coordinator(
            context.sinks, runtime.settings, say=runtime.say, events=runtime.events, limits=context.limits
        )
        self._count = runtime.counters.of_store(f"{context.partition}-source")
        self._store = self.open_store(runtime)
        outlet = self.children[0].outlet if len(self.children) == 1 else None
        self.source = Source(runtime, self.coordinator, self._store, self._emit, outlet, meter=self.meter)

    def open_store(self, runtime: Runtime) -> Readable:
        """Return the store that is read."""
        return store_of(self.step, runtime, self._count)

    def submit(self, shard: Shard, wait_s: float | None) -> bool:
        """Queue *shard* in the intake."""
        return self.source.submit(shard, wait_s)

    def hear(self, sender: str, letter: Letter) -> bool:
        """Take the answers of sinks."""
        self.coordinator.answer(sender, letter)
        return True

    def start(self) -> None:
        """Start the threads of the source."""
        self.source.start()

    def close(self) -> None:
        """Close the source and its coordinator."""
        self.source.close()
        _end_retries(self._store)

    def join(self) -> None:
        """Wait for the threads of the source."""
        self.source.join()

    def _emit(self, frame: Frame) -> None:
        fan_out(frame, self.children)


class SinkOperator(Operator):
    """
    A leaf that writes one destination, confirms, and owns objects.

    Params: ``prefix`` (of the destination), ``recursive``, ``destination`` (its index in the job).
    """

    params = frozenset({"prefix", "recursive", "destination"})

    def __init__(self, step: Step, context: Context) -> None:
        super().__init__(step, context)
        prefix, recursive = param(step, "prefix", str, ""), param(step, "recursive", bool, default=True)
        destination, runtime = param(step, "destination", int), context.runtime
        self._destination = destination
        self._count = runtime.counters.of_store(f"{context.partition}-destination-{destination}")
        self._store = self.open_store(runtime)
        self._sink = Sink(
            runtime,
            self._store,
            destination=destination,
            key_for=lambda suffix: destination_key(prefix, suffix, recursive=recursive),
            meter=self.meter,
        )

    @property
    def to(self) -> tuple[str, ...]:
        """Its destination, as it is called where stores are counted."""
        return (f"destination-{self._destination}",)

    def open_store(self, runtime: Runtime) -> Writable:
        """Return the store that is written."""
        return store_of(self.step, runtime, self._count)

    def put(self, frame: Frame) -> None:
        """Queue *frame* for a writer."""
        self._sink.put(frame)

    def take_in(self, header: FrameHeader, manifest: bytes, scratch: Scratch) -> Intake | None:
        """Have a chunk written as it comes, where the store can."""
        return self._sink.take_in(header, manifest, scratch)

    def hear(self, sender: str, letter: Letter) -> bool:
        """Take the questions of sources."""
        return self._sink.hear(sender, letter)

    def start(self) -> None:
        """Start the sink's threads."""
        self._sink.start()

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()
        _end_retries(self._store)

    def join(self) -> None:
        """Wait for the sink's threads and have its open uploads aborted."""
        self._sink.join()


def fan_out(frame: Frame, branches: Sequence[Operator]) -> None:
    """Give *frame* to each branch that leads to one of its destinations; takes over one reference."""
    wanted = [
        branch
        for branch in branches
        if not branch.step.destinations or not set(branch.step.destinations).isdisjoint(frame.destinations)
    ]
    if not wanted:
        frame.release()
        return
    frame.retain(len(wanted) - 1)
    given = 0
    try:
        for branch in wanted:
            given += 1
            branch.put(frame)
    finally:
        for _ in wanted[given:]:
            frame.release()


def store_of(step: Step, runtime: Runtime, count: Count | None = None, *, durable: bool = False) -> Store:
    """
    Open the store that the params of *step* name; *count* is told of its requests.

    Raises:
        BadProgram: They name none, or credentials that the secrets lack.
        BadUrl: No adapter knows the scheme.
    """
    try:
        spec = msgspec.convert(step.params.get("store"), StoreSpec)
    except msgspec.ValidationError as error:
        raise BadProgram(f"{step.op!r} names no store: {error}") from error
    credentials = runtime.secrets.credentials.get(spec.credentials)
    if spec.credentials and credentials is None:
        raise BadProgram(f"{step.op!r} wants credentials {spec.credentials!r}, which were not sent along")
    return open_store(spec, credentials, patience_s=STORE_PATIENCE_S, count=count, durable=durable)


def _end_retries(store: object) -> None:
    if isinstance(store, RetryingStore):
        store.close()


def param(step: Step, name: str, kind: type[Any], default: Any = None) -> Any:
    """
    Return a param of *step*.

    Raises:
        BadProgram: It is missing and has no *default*, or is not of *kind*.
    """
    value = step.params.get(name, default)
    if not isinstance(value, kind):
        raise BadProgram(f"{step.op!r} needs {name!r} as {kind.__name__}, not {value!r}")
    return value
