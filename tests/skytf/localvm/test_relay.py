"""A slow link has the rate and the delay it was given, per connection and as a whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from skytf.localvm.relay import Limit, Relay, Shape, _DelayLine

Result = TypeVar("Result")

_MBPS = 125_000
_SIZE_BYTES = 1_000_000


async def received(shape: Shape, *, connections: int, upwards: bool) -> float:
    """Return the Mbit/s at which *connections* carry what is sent through a relay, one way or the other."""
    ends_s: list[float] = []

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * _SIZE_BYTES)
        await writer.drain()
        writer.close()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size_bytes = 0
        while block := await reader.read(1 << 20):
            size_bytes += len(block)
        assert size_bytes == _SIZE_BYTES
        ends_s.append(time.monotonic())
        writer.close()

    async def dial(relay: asyncio.Server) -> None:
        await (send if upwards else receive)(*await asyncio.open_connection("127.0.0.1", port(relay)))

    async with (
        await asyncio.start_server(receive if upwards else send, "127.0.0.1", 0) as far,
        await Relay("127.0.0.1", port(far), shape).start("127.0.0.1") as relay,
    ):
        started_s = time.monotonic()
        await asyncio.gather(*(dial(relay) for _ in range(connections)))
        await settled()
    return connections * _SIZE_BYTES / (max(ends_s) - started_s - shape.delay_s) / _MBPS


async def settled() -> None:
    """Return when every connection's tasks have ended, of the relay and of both ends."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("shape", "connections", "expected_mbps", "upwards"),
    [
        (Shape(link_mbps=64), 4, 64, True),
        (Shape(link_mbps=64), 4, 64, False),
        (Shape(connection_mbps=24), 1, 24, True),
        (Shape(connection_mbps=24), 4, 96, False),
        (Shape(link_mbps=64, connection_mbps=32), 4, 64, True),
        (Shape(link_mbps=64, delay_ms=60), 2, 64, True),
    ],
)
def test_a_link_is_as_fast_as_its_limits_say(
    shape: Shape, connections: int, expected_mbps: float, upwards: bool
) -> None:
    measured_mbps = asyncio.run(received(shape, connections=connections, upwards=upwards))

    # Never faster; slower only as much as a busy machine may make it.
    assert expected_mbps * 0.85 <= measured_mbps <= expected_mbps * 1.04


def test_no_limit_is_none() -> None:
    measured_mbps = asyncio.run(received(Shape(), connections=2, upwards=True))

    assert measured_mbps > 200


def test_a_delay_counts_once_each_way() -> None:
    rtt_s = asyncio.run(through(Shape(delay_ms=40), _round_trip))

    assert 0.08 <= rtt_s < 0.16


async def _round_trip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    started_s = time.monotonic()
    writer.write(b"ping")
    assert await reader.readexactly(4) == b"ping"
    return time.monotonic() - started_s


def test_the_end_of_the_input_passes_and_answers_still_come_back() -> None:
    assert asyncio.run(through(Shape(link_mbps=10, delay_ms=5), _half_close)) == b"all of it"


async def _half_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"all of it")
    writer.write_eof()
    return await reader.read(-1)


async def through(
    shape: Shape, use: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Result]]
) -> Result:
    """Return what *use* makes of a connection, through a relay, to a server that echoes."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(1 << 16):
            writer.write(block)
        writer.close()

    async with (
        await asyncio.start_server(echo, "127.0.0.1", 0) as far,
        await Relay("127.0.0.1", port(far), shape).start("127.0.0.1") as relay,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port(relay))
        result = await use(reader, writer)
        writer.close()
        await settled()
        return result


def test_a_connection_to_nobody_is_reset() -> None:
    async def dial() -> bytes:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as nobody:
            closed_port = port(nobody)
        async with await Relay("127.0.0.1", closed_port, Shape()).start("127.0.0.1") as relay:
            reader, writer = await asyncio.open_connection("127.0.0.1", port(relay))
            try:
                return await reader.read()
            finally:
                writer.close()

    with pytest.raises(ConnectionResetError):
        asyncio.run(dial())


def test_a_line_holds_no_more_than_its_window() -> None:
    async def fill() -> tuple[bool, int]:
        line = _DelayLine(window_bytes=2)
        await line.put(0.0, b"aa")
        third = asyncio.create_task(line.put(0.0, b"b"))
        await asyncio.sleep(0)
        waited = not third.done()
        sink = _Sink()
        delivering = asyncio.create_task(line.deliver(sink))  # type: ignore[arg-type]  # what it needs of a writer
        await third
        delivering.cancel()
        return waited, sink.size_bytes

    waited, delivered_bytes = asyncio.run(fill())

    assert waited
    assert delivered_bytes >= 2


class _Sink:
    size_bytes = 0

    def write(self, block: bytes) -> None:
        self.size_bytes += len(block)

    async def drain(self) -> None:
        return


def test_the_window_follows_from_rate_and_delay() -> None:
    assert Shape(link_mbps=800, connection_mbps=400, delay_ms=100).window_bytes == 6_500_000
    assert Shape(delay_ms=100).window_bytes == 1 << 24
    assert Shape(link_mbps=1).window_bytes == 1 << 18


def test_an_idle_limit_saves_nothing_up_but_what_a_late_timer_needs() -> None:
    limit = Limit(8.0)

    assert limit.admit(1_000_000, now_s=100.0) == pytest.approx(100.99)
    assert limit.admit(1_000_000, now_s=100.0) == pytest.approx(101.99)
