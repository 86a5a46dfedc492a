"""Gateways on loopback with the programs that a plan would give them: made-up objects in, confirmed and forgotten."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from benchmarks.daemons import Daemon
from gateway.program import Group, Peer, Program, Settings, Step
from gateway.shard import Entry, Shard

PARTITION = "job-1"
SHARD_OBJECTS = 2000
_moves = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Load:
    """What moves: *objects* of *size_bytes* each, made up by the sources."""

    objects: int
    size_bytes: int

    @property
    def total_bytes(self) -> int:
        """The bytes of all objects."""
        return self.objects * self.size_bytes

    def shards(self, move: int, most: int = SHARD_OBJECTS) -> Iterator[Shard]:
        """Yield the objects as shards of at most *most*; *move* tells them from those of other moves."""
        for first in range(0, self.objects, most):
            keys = [f"{move}/{number:09}" for number in range(first, min(first + most, self.objects))]
            entries = tuple(Entry(key=key, suffix=key, size_bytes=self.size_bytes, version="") for key in keys)
            yield Shard(shard_id=f"{move}-{first}", partition=PARTITION, destinations=(0,), entries=entries)


@dataclass(slots=True)
class Fleet:
    """
    *width* sources, *relays* times as many relays, as many sinks; each stage sends to all of the next.

    ``connections`` is the number between two gateways. ``prefixes`` are put before the command that starts a gateway,
    by its name. ``source`` and ``sink`` are params of the two operators at the ends.
    """

    home: Path
    settings: Settings = field(default_factory=Settings)
    width: int = 1
    relays: int = 0
    connections: int = 1
    source: dict[str, Any] = field(default_factory=dict)
    sink: dict[str, Any] = field(default_factory=dict)
    prefixes: dict[str, Sequence[str]] = field(default_factory=dict)
    daemons: list[Daemon] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Fleet:
        key, transfer_id = secrets.token_hex(32), f"bench-{secrets.token_hex(4)}"
        with ExitStack() as stack:
            for program in self.programs():
                may_open = not program.gateway.startswith("relay")
                daemon = Daemon(self.home, program, transfer_id=transfer_id, payload_key=key if may_open else None)
                stack.callback(daemon.stop)
                daemon.start(self.prefixes.get(daemon.name, ()))
                self.daemons.append(daemon)
            addresses = [daemon.address() for daemon in self.daemons]
            for daemon in self.daemons:
                daemon.call("PUT", "/v1/peers", addresses)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def sources(self) -> list[Daemon]:
        """The gateways that read."""
        return self.daemons[: self.width]

    def programs(self) -> list[Program]:
        """Return the programs, stage by stage."""
        names = ["source", *(f"relay-{number}" for number in range(1, self.relays + 1)), "sink"]
        stages = [[f"{name}-{number}" for number in range(1, self.width + 1)] for name in names]
        return [
            self._program(stages, position, number) for position in range(len(stages)) for number in range(self.width)
        ]

    def move(self, load: Load) -> float:
        """
        Move *load* and return the seconds from the first shard to the last receipt.

        A client hears of a receipt up to a quarter of a second late (`gateway.control`), so a load should take seconds.
        """
        shards = list(load.shards(next(_moves), min(SHARD_OBJECTS, -(-load.objects // self.width))))
        errors: list[str] = []
        began_s = time.perf_counter()
        threads = [
            threading.Thread(target=_follow, args=(daemon, shards[number :: self.width], errors))
            for number, daemon in enumerate(self.sources)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise RuntimeError("; ".join(errors))
        return time.perf_counter() - began_s

    def _program(self, stages: list[list[str]], position: int, number: int) -> Program:
        name = stages[position][number]
        before = stages[position - 1] if position else []
        after = stages[position + 1] if position + 1 < len(stages) else []
        # The first stage dials: the sending side does, unless one end is where only it can.
        peers = [Peer(gateway=peer, dial=peer in after, connections=self.connections) for peer in (*before, *after)]
        sends = tuple(Step("send", {"peer": peer}, (0,)) for peer in after)
        leaf = Step("discard", {"destination": 0, **self.sink}, (0,))
        if after:
            leaf = sends[0] if len(sends) == 1 else Step("mux_or", {}, (0,), sends)
        op, params = ("receive", {}) if before else ("gen_data", {"seed": 1, **self.source})
        routes = {
            other: (other,) if other in peers_of(before, after) else tuple(after if stage > position else before)
            for stage, others in enumerate(stages)
            for other in others
            if other != name
        }
        return Program(
            gateway=name,
            groups=(Group((PARTITION,), Step(op, params, (0,), (leaf,))),),
            peers=tuple(peers),
            routes=routes,
            sinks={PARTITION: {"0": tuple(stages[-1])}},
            settings=self.settings,
        )


def peers_of(before: list[str], after: list[str]) -> set[str]:
    """Return the gateways of the stages beside one's own."""
    return {*before, *after}


def _follow(daemon: Daemon, shards: list[Shard], errors: list[str]) -> None:
    """Hand *shards* to *daemon* and wait for the last to be done; what goes wrong is added to *errors*."""
    waiting = {shard.shard_id for shard in shards}
    events = daemon.events()
    feeder = threading.Thread(target=_feed, args=(daemon, shards, errors))
    feeder.start()
    while waiting and not errors:
        event = next(events)
        if event["kind"] in {"failed", "fatal"}:
            errors.append(f"{daemon.name}: {event}")
        elif event["kind"] == "shard_done":
            waiting.discard(event["shard_id"])
    feeder.join()
    events.close()


def _feed(daemon: Daemon, shards: list[Shard], errors: list[str]) -> None:
    try:
        for shard in shards:
            daemon.call("POST", "/v1/shards?wait_s=30", msgspec.to_builtins(shard))
    except (OSError, RuntimeError) as error:
        errors.append(f"{daemon.name}: {error}")
