"""Hosts with links between them, each with a rate, a delay, a share of loss, and an end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any

from tests.lab.emulator import DEVICE, MTU, attach
from tests.lab.hosts import Host, enter, processes_in, run_in_thread


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two hosts. ``mbit`` (10**6 bits a second) 0: no limit; ``queue_ms`` at that rate."""

    mbit: float = 0.0
    delay_ms: float = 0.0
    loss: float = 0.0
    queue_ms: float = 100.0
    up: bool = True


class Wan:
    """
    The hosts *names*, each linked with each other as *link* says until `set` says otherwise.

    Args:
        egress_mbit: What a host sends at most to all others together, by name.
        congestion: The congestion control of every connection that does not choose its own.
        seed: Of the dice that lose packets.
    """

    def __init__(
        self,
        names: Sequence[str],
        link: Link,
        *,
        egress_mbit: Mapping[str, float] | None = None,
        congestion: str = "cubic",
        seed: int = 1,
    ) -> None:
        self.hosts: dict[str, Host] = {}
        self.links = {(one, other): link for one in names for other in names if one != other}
        self.addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 1)}
        devices: list[int] = []
        try:
            for name in names:
                host = self.hosts[name] = Host(name)
                devices.append(run_in_thread(lambda host=host: _attached(host)))
                _configure(host, self.addresses[name], congestion)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.emulator"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=devices,
            )
        except BaseException:
            for host in self.hosts.values():
                host.close()
            raise
        finally:
            for device in devices:
                os.close(device)
        caps = egress_mbit or {}
        described = {
            name: {"address": self.addresses[name], "device": device, "egress_mbit": caps.get(name, 0.0)}
            for name, device in zip(names, devices, strict=True)
        }
        self._tell({"hosts": described, "seed": seed})
        for source, target in self.links:
            self.set(source, target)
        self.counters()  # it answers: from here on packets pass

    def __enter__(self) -> Wan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = processes_in(list(self.hosts.values()))
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        for host in self.hosts.values():
            host.close()
        if kind is None:
            assert not left, f"these were left on their hosts: {left}"

    @property
    def pid(self) -> int:
        """The process that emulates the links."""
        return self._process.pid

    def set(self, source: str, target: str, **changes: Any) -> None:
        """Change the link from *source* to *target*."""
        link = self.links[source, target] = replace(self.links[source, target], **changes)
        self._tell({"link": [source, target], "shape": asdict(link)})

    def set_both(self, one: str, other: str, **changes: Any) -> None:
        """Change the links between *one* and *other*."""
        self.set(one, other, **changes)
        self.set(other, one, **changes)

    def plug(self, name: str, *, up: bool) -> None:
        """Take the device of a host down, as who pulls a cable, or up again."""
        self.hosts[name].run("ip", "link", "set", DEVICE, "up" if up else "down")
        if up:
            _route(self.hosts[name])

    def counters(self) -> dict[str, float]:
        """Return what the emulator has counted so far (`emulator.Counters`), and its ``cpu_s``."""
        self._tell({"ask": "counters"})
        assert self._process.stdout is not None
        counted: dict[str, float] = json.loads(self._process.stdout.readline())
        return counted

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


def _attached(host: Host) -> int:
    enter(host.network)
    return attach()


def _configure(host: Host, address: str, congestion: str) -> None:
    host.run("ip", "address", "add", f"{address}/32", "dev", DEVICE)
    # A long queue in front of the device: packets are to be dropped by the link that is emulated.
    host.run("ip", "link", "set", DEVICE, "up", "mtu", str(MTU), "txqueuelen", "5000")
    host.congestion = congestion
    _route(host)


def _route(host: Host) -> None:
    # A namespace's default may be no other than what the machine allows to everybody; that of a route may.
    host.run("ip", "route", "replace", "10.77.0.0/24", "dev", DEVICE, "congctl", host.congestion)
