"""
Where a fleet of a test stands: on hosts of its own, or on loopback behind relays where no host can be made.

Both can shape the links and pull a cable; only hosts can lose packets.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from gateway.program import Program
from tests.lab.gateways import Gateway, Gateways, Keys
from tests.lab.relay import ShapingRelay
from tests.lab.wan import Link, Wan


class Ground(Protocol):
    """What a test of faults stands on."""

    def fleet(self, home: Path, programs: Iterable[Program], keys: Keys | None = None) -> Gateways:
        """Start a gateway for each of *programs* and introduce them to each other."""

    def plug(self, name: str, *, up: bool) -> None:
        """Pull the cable of gateway *name*, or plug it in again."""


class OnHosts:
    """Each of *names* on a host of its own; all links are *link*."""

    def __init__(self, names: Iterable[str], link: Link, **about: Any) -> None:
        self.wan = Wan(tuple(names), link, **about)

    def __enter__(self) -> OnHosts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wan.__exit__(kind, error, trace)

    def fleet(self, home: Path, programs: Iterable[Program], keys: Keys | None = None) -> Gateways:
        """Start a gateway on each host."""
        return Gateways(home, programs, address=self._address, hosts=self.wan.hosts, keys=keys)

    def plug(self, name: str, *, up: bool) -> None:
        """Take the device of a host down or up."""
        self.wan.plug(name, up=up)

    def _address(self, one: Gateway, seen_by: str) -> tuple[str, int]:
        return self.wan.addresses[one.name], one.data_port


class BehindRelays:
    """All on loopback, with a relay of *link*'s rate and delay wherever one gateway dials another."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._relays: dict[tuple[str, str], ShapingRelay] = {}
        self._closing = ExitStack()

    def __enter__(self) -> BehindRelays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def fleet(self, home: Path, programs: Iterable[Program], keys: Keys | None = None) -> Gateways:
        """Start the gateways on loopback."""
        return Gateways(home, programs, address=self._address, keys=keys)

    def plug(self, name: str, *, up: bool) -> None:
        """Freeze every relay that leads from or to a gateway, or thaw it."""
        for pair, relay in self._relays.items():
            if name in pair:
                (relay.thaw if up else relay.freeze)()

    def _address(self, one: Gateway, seen_by: str) -> tuple[str, int]:
        pair = seen_by, one.name
        if pair not in self._relays:
            relay = ShapingRelay(one.data_port, mbit=self._link.mbit, delay_ms=self._link.delay_ms)
            self._relays[pair] = self._closing.enter_context(relay)
        self._relays[pair].target = one.data_port
        return "127.0.0.1", self._relays[pair].port
