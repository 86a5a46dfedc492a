"""A slow link played on loopback: a TCP relay that limits rates and adds delay, without root or kernel help."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

_BYTES_PER_S = 125_000  # in one Mbit/s
# A slice is what the slowest rate passes in this time: each costs the relay two wake-ups, and a fleet has many relays.
_SLICE_S = 0.016
_SLICE_BYTES = (1 << 12, 1 << 16)  # ... within these bounds
# Timers fire up to a few milliseconds late; what a limit did not use in this time may be caught up.
_BURST_S = 0.01
# What may be under way in one direction of a connection whose rate is not limited, and at least.
_WINDOW_BYTES = (1 << 18, 1 << 24)
_WINDOW_MARGIN = 1.3  # measured: without it the delay line under-delivers


@dataclass(frozen=True, slots=True)
class Shape:
    """Rates in Mbit/s of payload per direction, 0 for no limit; one-way delay in ms."""

    link_mbps: float = 0.0
    connection_mbps: float = 0.0
    delay_ms: float = 0.0

    @property
    def delay_s(self) -> float:
        """One-way delay in seconds."""
        return self.delay_ms / 1000

    @property
    def rate(self) -> float:
        """Bytes per second that one connection can reach, 0 for no limit."""
        return min((rate for rate in (self.link_mbps, self.connection_mbps) if rate), default=0.0) * _BYTES_PER_S

    @property
    def slice_bytes(self) -> int:
        """Largest piece that is passed on at a time."""
        low, high = _SLICE_BYTES
        return max(low, min(high, int(self.rate * _SLICE_S))) if self.rate else high

    @property
    def window_bytes(self) -> int:
        """Largest amount under way in one direction of a connection: rate x delay and a margin."""
        low, high = _WINDOW_BYTES
        return max(low, int(self.rate * self.delay_s * _WINDOW_MARGIN)) if self.rate else high


class Limit:
    """A virtual clock: when will what was admitted so far have passed at *mbps*? 0 is no limit."""

    def __init__(self, mbps: float) -> None:
        self._bytes_per_s = mbps * _BYTES_PER_S
        self._busy_until_s = 0.0

    def admit(self, size_bytes: int, now_s: float) -> float:
        """Return the time at which *size_bytes* more have passed."""
        if not self._bytes_per_s:
            return now_s
        self._busy_until_s = max(self._busy_until_s, now_s - _BURST_S) + size_bytes / self._bytes_per_s
        return self._busy_until_s


class Relay:
    """
    Connections to *host*:*port* with the properties of *shape*; each direction of the link has its own limit.

    One direction of a connection holds at most ``window_bytes + slice_bytes`` and two stream buffers of
    ``2 * slice_bytes``; beyond that its sender is not read from, so a slow link slows it. Loss and congestion control
    are not played.
    """

    def __init__(self, host: str, port: int, shape: Shape) -> None:
        self._host = host
        self._port = port
        self._shape = shape
        self._out = Limit(shape.link_mbps)
        self._back = Limit(shape.link_mbps)

    async def start(self, address: str) -> asyncio.Server:
        """Listen on a free port of *address*."""
        return await asyncio.start_server(self._connected, address, 0, limit=self._shape.slice_bytes)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_connection(self._host, self._port, limit=self._shape.slice_bytes)
        except OSError:
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._carry(reader, far[1], self._out))
                directions.create_task(self._carry(far[0], writer, self._back))
        except* OSError:
            for lost in (writer, far[1]):
                _reset(lost)  # a connection that broke on one side breaks on the other
        finally:
            await _close((writer, far[1]))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: Limit) -> None:
        """Pass *source* on to *sink* until its end, in time with *link* and with a limit of this direction's own."""
        clock = asyncio.get_running_loop().time
        limits = (link, Limit(self._shape.connection_mbps))
        line = _DelayLine(self._shape.window_bytes)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(line.deliver(sink))
            while block := await source.read(self._shape.slice_bytes):
                passed_s = max(limit.admit(len(block), clock()) for limit in limits)
                await line.put(passed_s + self._shape.delay_s, block)
                if (early_s := passed_s - clock()) > 0:
                    await asyncio.sleep(early_s)
            await line.put(clock() + self._shape.delay_s, b"")


class _DelayLine:
    """What is under way: blocks with the time they are due; at most a window of bytes, an empty block is the end."""

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        self._held_bytes = 0
        self._blocks: deque[tuple[float, bytes]] = deque()
        self._changed = asyncio.Condition()

    async def put(self, due_s: float, block: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._held_bytes < self._window_bytes)
            self._held_bytes += len(block)
            self._blocks.append((due_s, block))
            self._changed.notify_all()

    async def deliver(self, sink: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._blocks))
                due_s, block = self._blocks.popleft()
            if (early_s := due_s - clock()) > 0:
                await asyncio.sleep(early_s)
            if not block:
                sink.write_eof()
                return
            sink.write(block)
            await sink.drain()
            async with self._changed:
                self._held_bytes -= len(block)
                self._changed.notify_all()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection, so that its peer does not take it for an ordinary end."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _close(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
