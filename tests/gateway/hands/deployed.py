"""Gateways as processes, of which some have hands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.program import Program
from gateway.shard import Shard
from gateway.wire.peers import Identity
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import Home


class Deployed(AbstractContextManager["Deployed"]):
    """
    Daemons of *programs* in directories below *home*, connected; all stopped at the end.

    *ports* says where a gateway that listens on a port is dialled.
    """

    def __init__(self, home: Path, *programs: Program, ports: Callable[[str, int], int] = lambda _, port: port) -> None:
        keys = {program.gateway: os.urandom(32) for program in programs}
        self.homes = {
            program.gateway: Home(home / program.gateway, program, link_private_key=keys[program.gateway].hex())
            for program in programs
        }
        self._keys, self._ports = keys, ports
        self.abouts = {name: one.start() for name, one in self.homes.items()}
        self.clients: dict[str, Client] = {}
        self._introduce()

    def start_again(self, name: str, **secrets: object) -> None:
        """Start gateway *name* once more, with other *secrets*."""
        self.homes[name].secrets |= secrets
        self.abouts[name] = self.homes[name].start()
        self._introduce()

    def _introduce(self) -> None:
        self.clients = {name: Client(about["control_port"]) for name, about in self.abouts.items()}
        addresses = [
            {
                "gateway": name,
                "public_key": Identity(self._keys[name]).public_key.hex(),
                "host": "127.0.0.1",
                "port": self._ports(name, about["data_port"]),
            }
            for name, about in self.abouts.items()
        ]
        for client in self.clients.values():
            assert client.ask("PUT", "/v1/peers", addresses)[0] == 204

    def begin(self, name: str, shard: Shard) -> Iterator[dict[str, Any]]:
        """Hand *shard* to gateway *name* and return its events."""
        assert self.clients[name].ask("POST", "/v1/shards", shard)[0] == 202
        return self.clients[name].events()

    def move(self, name: str, shard: Shard) -> list[dict[str, Any]]:
        """Hand *shard* to gateway *name* and return its events when it is done."""
        return until_done(self.begin(name, shard))

    def counters(self, name: str) -> dict[str, Any]:
        """Return what gateway *name* has counted."""
        found: dict[str, Any] = self.clients[name].ask("GET", "/v1/counters")[1]
        return found

    def hands(self, name: str) -> list[int]:
        """Return the processes that gateway *name* has forked and that live."""
        pid = self.abouts[name]["pid"]
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def connections(self, name: str) -> list[int]:
        """Return how many sockets each hand of gateway *name* has beside the one to the first process."""
        return [sum("socket:" in link for link in _links(pid)) - 1 for pid in self.hands(name)]

    def log(self, name: str) -> str:
        """Return the log of gateway *name*."""
        return (self.homes[name].directory / "log").read_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for home in self.homes.values():
            home.command("stop")


def until_done(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *events* up to the one that says that a shard is done."""
    seen = []
    for event in events:
        seen.append(event)
        if event["kind"] == "shard_done":
            break
    return seen


def is_gone(pid: int) -> bool:
    """Return whether process *pid* has ended; whoever should bury it may not have."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _links(pid: int) -> Iterator[str]:
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(path.readlink())
