"""The server of the control API: a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from gateway.control.api import Api
from gateway.pipeline import Pipeline

# One waits in each request for a shard, one in each look for events; a client has one of either open.
THREADS = 16


class Control:
    """
    Serve the control API of *pipeline* on a free port of loopback, in a thread with an event loop of its own.

    *on_stop* is called after a client has asked for the end and has its answer.
    """

    def __init__(self, pipeline: Pipeline, token: str, on_stop: Callable[[], None]) -> None:
        self._closing = asyncio.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            Api(pipeline, token, on_stop, self._closing).application(),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config, self._closing)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> int:
        """Begin to answer and return the port."""
        port: int = self._socket.getsockname()[1]
        self._thread.start()
        return port

    def close(self) -> None:
        """End all streams, answer what is under way, and join the thread."""
        if self._thread.ident is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._end)
            self._thread.join()
        self._loop.close()
        self._socket.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="control"))
        try:
            self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def _end(self) -> None:
        self._closing.set()
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Waits to be told of the end; uvicorn's own loop looks for it ten times a second, which is most of what an idle
    gateway would do."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        await self._closing.wait()
