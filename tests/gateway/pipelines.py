"""A few running pipelines in one process, over loopback: what the tests of the data plane share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.delivery.events import Events
from gateway.delivery.ledger import Limits
from gateway.delivery.runtime import Secrets
from gateway.pipeline import Pipeline
from gateway.program import Group, Peer, Program, Settings, Step
from gateway.shard import Entry, Shard
from gateway.stores import open_store
from gateway.stores.base import StoreSpec
from gateway.units import KIB, MIB
from gateway.wire.peers import Identity, PeerAddress

PATIENCE_S = 20.0
# Small enough that a few hundred KiB are many chunks.
SMALL = Settings(
    chunk_bytes=64 * KIB,
    threshold_bytes=128 * KIB,
    slice_bytes=32 * KIB,
    batch_bytes=32 * KIB,
    batch_objects=16,
    pool_bytes=4 * MIB,
    readers=2,
    writers=2,
)
FILE_STORE = {"scheme": "file"}


def key_of(path: Path) -> str:
    """Return *path* as a key of the file store."""
    return str(path).lstrip("/")


def read_step(*children: Step) -> Step:
    return Step("read_local", {"store": FILE_STORE}, children=children)


def write_step(directory: Path, destination: int = 0) -> Step:
    params = {
        "store": FILE_STORE,
        "prefix": key_of(directory),
        "recursive": True,
        "destination": destination,
        "shared_disk": True,
    }
    return Step("write_local", params, (destination,))


def send_step(*peers: str, destinations: tuple[int, ...] = (0,)) -> Step:
    sends = tuple(Step("send", {"peer": peer}, destinations) for peer in peers)
    return sends[0] if len(sends) == 1 else Step("mux_or", {}, destinations, sends)


def gateway(
    name: str,
    head: Step,
    *,
    dials: Sequence[str] = (),
    dialled_by: Sequence[str] = (),
    routes: Mapping[str, tuple[str, ...]] | None = None,
    sinks: Mapping[str, tuple[str, ...]] | None = None,
    settings: Settings = SMALL,
) -> Program:
    """Return the program of gateway *name* for one partition ``job``."""
    peers = [Peer(peer, dial=True, connections=2) for peer in dials]
    peers += [Peer(peer, dial=False, connections=2) for peer in dialled_by]
    return Program(name, (Group(("job",), head),), tuple(peers), routes or {}, {"job": sinks or {}}, settings)


def shard_of(
    directory: Path, *, destinations: tuple[int, ...] = (0,), name: str = "job/0", again: bool = False
) -> Shard:
    """Return all files below *directory* as one shard."""
    prefix = key_of(directory) + "/"
    listed = open_store(StoreSpec("file")).list(prefix)
    entries = tuple(
        Entry(item.key, item.key.removeprefix(prefix), item.size_bytes, item.version, item.mtime_s) for item in listed
    )
    return Shard(name, "job", entries, destinations, again)


def fill(directory: Path, *, small: int = 40, large: Iterable[int] = (300 * KIB, 129 * KIB), seed: int = 1) -> None:
    """Make files below *directory*: empty, small, at the threshold, and above it."""
    (directory / "sub dir").mkdir(parents=True)
    for number in range(small):
        (directory / "sub dir" / f"small {number:04}%ü").write_bytes(os.urandom(number * 97 + seed))
    (directory / "empty").write_bytes(b"")
    (directory / "threshold").write_bytes(b"text " * (128 * KIB // 5))
    for number, size_bytes in enumerate(large):
        (directory / f"large{number}").write_bytes(os.urandom(size_bytes))


def tree(directory: Path) -> dict[str, bytes]:
    """Return what is below *directory*, hidden files included."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


class Fleet(AbstractContextManager["Fleet"]):
    """Pipelines of *programs*, connected; all stopped at the end."""

    def __init__(
        self,
        *programs: Program,
        limits: Limits | None = None,
        started_s: float | None = None,
        dead_after_s: float = 1.0,
    ) -> None:
        keys = {program.gateway: os.urandom(32) for program in programs}
        payload_key = os.urandom(32)
        self.pipelines: dict[str, Pipeline] = {}
        for program in programs:
            relay = all(step.op in ("receive", "send", "mux_or", "mux_and") for step in _steps(program))
            secrets = Secrets(
                transfer_id="transfer-1",
                link_private_key=keys[program.gateway],
                token="token",
                payload_key=None if relay else payload_key,
                transfer_started_s=time.time() - 1 if started_s is None else started_s,
            )
            self.pipelines[program.gateway] = Pipeline(
                program, secrets, Events(), limits=limits, dead_after_s=dead_after_s
            )
        addresses = [
            PeerAddress(name, Identity(keys[name]).public_key, "127.0.0.1", pipeline.start("127.0.0.1", 0))
            for name, pipeline in self.pipelines.items()
        ]
        for pipeline in self.pipelines.values():
            pipeline.configure_peers(addresses)

    def __getitem__(self, name: str) -> Pipeline:
        return self.pipelines[name]

    def move(self, name: str, shard: Shard) -> list[dict[str, Any]]:
        """Hand *shard* to gateway *name*, wait until it is done and return the events."""
        assert self[name].submit(shard, 0)
        return self.wait(name, "shard_done")

    def wait(self, name: str, kind: str, count: int = 1, timeout_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Wait for *count* events of *kind* at gateway *name* and return all events so far."""
        events, news = self[name].events, threading.Event()
        unfollow = events.follow(news.set)
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                news.clear()
                found = events.after(0)
                if sum(event["kind"] == kind for event in found) >= count:
                    return found
                assert news.wait(deadline - time.monotonic()), f"no {kind!r} in {timeout_s} s: {found[-5:]}"
        finally:
            unfollow()

    def kill(self, name: str) -> None:
        """Cut gateway *name* off as it stands: nothing is aborted, and its peers only see that it is gone."""
        for operator in self[name]._operators:
            operator.close()
        self[name]._peers.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipeline in self.pipelines.values():
            pipeline.stop()


def _steps(program: Program) -> list[Step]:
    found, queue = [], [group.head for group in program.groups]
    while queue:
        step = queue.pop()
        found.append(step)
        queue.extend(step.children)
    return found


def settled(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [event for event in events if event["kind"] == kind]
