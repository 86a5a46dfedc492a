"""
Links between hosts, in user space: what `tc netem` would do, where the kernel has none.

Each host has a TUN device ``wan0``. This process reads the packets that a host sends, holds each back by what its link
costs, and writes it to the device of the other host. A packet passes the sender's line, the link, and the way
there: it waits behind those before it (queues are clocks of when the line is free; a queue that is full drops), may be
lost, and takes the delay. Sizes count as on Ethernet, with 14 bytes of header, as `tc tbf` counts them.

Run as ``python -m tests.lab.emulator`` with one JSON document per line on stdin: first the hosts, then changes of links
or ``{"ask": "counters"}``. It ends with its stdin.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

_SET_INTERFACE = 0x400454CA  # TUNSETIFF of linux/if_tun.h
_TUN_WITHOUT_HEADER = 0x1001  # IFF_TUN | IFF_NO_PI
DEVICE = "wan0"
MTU = 1500
_ETHERNET_BYTES = 14
_MOST_AT_ONCE = 64
_BYTES_PER_MBIT = 1e6 / 8


@dataclass(slots=True)
class Line:
    """Something that passes so many bytes a second, one packet after the other."""

    bytes_per_s: float
    queue_s: float
    free_s: float = 0.0

    def pass_on(self, now_s: float, size_bytes: int) -> float | None:
        """Return when a packet that comes at *now_s* is through; None if the queue is full."""
        begins_s = max(self.free_s, now_s)
        if begins_s - now_s > self.queue_s:
            return None
        self.free_s = begins_s + size_bytes / self.bytes_per_s
        return self.free_s


@dataclass(slots=True)
class Way:
    """From one host to another."""

    target: int
    delay_s: float = 0.0
    loss: float = 0.0
    up: bool = True
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Counters:
    """What happened so far. ``late_s``: how much later than due a packet went out, at worst since it was asked last."""

    packets: int = 0
    lost: int = 0
    dropped: int = 0
    refused: int = 0
    late_s: float = 0.0


class Emulator:
    """The packets that are under way between the devices of *hosts*: name → {"address", "device", "egress_mbit"}."""

    def __init__(self, hosts: dict[str, dict[str, Any]], seed: int) -> None:
        self._random = random.Random(seed)
        self._devices = {name: int(one["device"]) for name, one in hosts.items()}
        self._addresses = {name: socket.inet_aton(one["address"]) for name, one in hosts.items()}
        self._egress = {
            name: Line(one["egress_mbit"] * _BYTES_PER_MBIT, one.get("queue_ms", 100.0) / 1000)
            for name, one in hosts.items()
            if one.get("egress_mbit")
        }
        self._ways: dict[tuple[int, bytes], Way] = {}
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self.counters = Counters()

    def set_link(self, source: str, target: str, shape: dict[str, Any]) -> None:
        """Make the link from *source* to *target* what *shape* says from now on."""
        lines = [self._egress[source]] if source in self._egress else []
        if shape.get("mbit"):
            lines.append(Line(shape["mbit"] * _BYTES_PER_MBIT, shape["queue_ms"] / 1000))
        self._ways[self._devices[source], self._addresses[target]] = Way(
            self._devices[target], shape["delay_ms"] / 1000, shape["loss"], shape["up"], lines
        )

    def run(self, inbox: list[dict[str, Any]], bell: int, end: threading.Event) -> None:
        """Pass packets on until *end*; a byte on *bell* says that there is something in *inbox*, or the end."""
        watched = [*self._devices.values(), bell]
        while not end.is_set():
            wait_s = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready, _, _ = select.select(watched, (), (), wait_s)
            if bell in ready:
                os.read(bell, 1 << 12)
                while inbox:
                    self._obey(inbox.pop(0))
            for device in ready:
                if device != bell:
                    self._take(device)
            self._give()

    def _obey(self, order: dict[str, Any]) -> None:
        if "link" in order:
            self.set_link(*order["link"], order["shape"])
        else:
            named = {name: getattr(self.counters, name) for name in Counters.__slots__}
            sys.stdout.write(json.dumps({**named, "cpu_s": time.process_time()}) + "\n")
            sys.stdout.flush()
            self.counters.late_s = 0.0

    def _take(self, device: int) -> None:
        counters, now_s = self.counters, time.monotonic()
        for _ in range(_MOST_AT_ONCE):
            try:
                packet = os.read(device, MTU)
            except BlockingIOError:
                return
            way = self._ways.get((device, packet[16:20])) if packet[0] >> 4 == 4 else None
            if way is None or not way.up:
                continue
            counters.packets += 1
            if way.loss and self._random.random() < way.loss:
                counters.lost += 1
                continue
            through_s: float | None = now_s
            for line in way.lines:
                assert through_s is not None
                if (through_s := line.pass_on(through_s, len(packet) + _ETHERNET_BYTES)) is None:
                    counters.dropped += 1
                    break
            else:
                self._count += 1
                heapq.heappush(self._due, (through_s + way.delay_s, self._count, way.target, packet))

    def _give(self) -> None:
        due, now_s = self._due, time.monotonic()
        if due:
            self.counters.late_s = max(self.counters.late_s, now_s - due[0][0])
        while due and due[0][0] <= now_s:
            _, _, device, packet = heapq.heappop(due)
            try:
                os.write(device, packet)
            except OSError:  # the device is down, or its queue full
                self.counters.refused += 1


def attach() -> int:
    """Return a new TUN device of the calling thread's namespace."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _SET_INTERFACE, struct.pack("16sH22x", DEVICE.encode(), _TUN_WITHOUT_HEADER))
    return device


def main() -> None:
    """Serve the links of the fleet that stdin describes."""
    with contextlib.suppress(PermissionError):  # a link does not wait until a core is free
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    first = json.loads(sys.stdin.readline())
    emulator = Emulator(first["hosts"], first["seed"])
    inbox: list[dict[str, Any]] = []
    bell, ring = os.pipe()
    end = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            inbox.append(json.loads(line))
            os.write(ring, b"!")
        end.set()
        os.write(ring, b"!")

    threading.Thread(target=listen).start()
    emulator.run(inbox, bell, end)


if __name__ == "__main__":
    main()
