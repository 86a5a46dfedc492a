"""
A TCP relay with a rate, a delay and an end: what stands in for a link where no namespace can be made.

It models no congestion control and loses no packets: it is for effects (a slow link, one that goes silent, one that
breaks), not for claims about goodput.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from types import TracebackType

_PIECE_BYTES = 64 * 1024
_BYTES_PER_MBIT = 1e6 / 8


class ShapingRelay:
    """
    Passes connections on to *port* of loopback: at most *mbit* together in each direction, each byte *delay_ms* late.

    A connection may have *window_bytes* under way, as a socket's buffers would hold.
    """

    def __init__(self, port: int, *, mbit: float = 0.0, delay_ms: float = 0.0, window_bytes: int = 1 << 20) -> None:
        self.target = port
        self._bytes_per_s = mbit * _BYTES_PER_MBIT
        self._delay_s = delay_ms / 1000
        self._window_bytes = window_bytes
        self._free_s = [0.0, 0.0]
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"relay to {port}")
        self._thread.start()

    def __enter__(self) -> ShapingRelay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def freeze(self) -> None:
        """Pass nothing on in either direction, and say nothing: a cable that was pulled."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def thaw(self) -> None:
        """Pass on what waits, and what comes."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> None:
        """Break every connection that there is; new ones pass."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(far)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far, 0))
                both.create_task(self._pump(far_reader, writer, 1))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # one end broke, or the test is over: so does the other end
        finally:
            for one in (writer, far):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: int) -> None:
        """Take in at most a window, and give it on when it is due."""
        waiting: deque[tuple[float, bytes]] = deque()
        changed = asyncio.Condition()
        held = 0

        def has_room() -> bool:
            return held < self._window_bytes

        async def give() -> None:
            nonlocal held
            while True:
                async with changed:
                    await changed.wait_for(lambda: bool(waiting))
                due_s, piece = waiting.popleft()
                await asyncio.sleep(max(0.0, due_s - self._loop.time()))
                await self._flowing.wait()
                if not piece:
                    raise ConnectionResetError
                writer.write(piece)
                await writer.drain()
                async with changed:
                    held -= len(piece)
                    changed.notify_all()

        async with asyncio.TaskGroup() as both:
            both.create_task(give())
            while True:
                async with changed:
                    await changed.wait_for(has_room)
                piece = await reader.read(_PIECE_BYTES)
                async with changed:
                    held += len(piece)
                    waiting.append((self._due(len(piece), direction), piece))
                    changed.notify_all()
                if not piece:
                    return

    def _due(self, size_bytes: int, direction: int) -> float:
        now_s = self._loop.time()
        through_s = max(now_s, self._free_s[direction])
        if self._bytes_per_s:
            through_s += size_bytes / self._bytes_per_s
            self._free_s[direction] = through_s
        return through_s + self._delay_s
