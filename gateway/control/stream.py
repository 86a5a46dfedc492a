"""Events as an endless answer: what there is, what comes, and a sign of life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from gateway.delivery.events import Events

HEARTBEAT_S = 5.0
# Marks of one shard and destination come at most this often.
COALESCE_S = 0.25


async def lines(events: Events, after: int, closing: asyncio.Event, *, follow: bool) -> AsyncIterator[bytes]:
    """Yield the events after number *after* as lines of JSON; with *follow* those that come, until *closing* is set."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        if not news.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended, and so has whoever followed
                loop.call_soon_threadsafe(news.set)

    unfollow = events.follow(wake)
    try:
        while not closing.is_set():
            news.clear()
            found = await asyncio.to_thread(events.after, after)
            if found:
                after = found[-1]["seq"]
                yield b"".join(msgspec.json.encode(event) + b"\n" for event in found)
            if not follow:
                return
            if found:
                await _wait(closing, COALESCE_S)
            elif not await _wait_any(news, closing, timeout_s=HEARTBEAT_S):
                yield b"\n"
    finally:
        unfollow()


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False


async def _wait_any(*events: asyncio.Event, timeout_s: float) -> bool:
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()
