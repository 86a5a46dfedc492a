"""The threads of a gateway: named, joined by what started them, and never dead in silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gateway.errors import Stopped


class Workers:
    """
    Threads that run until their body returns or raises `Stopped`.

    Any other exception is a bug or a broken machine: *on_crash* gets it, so that the gateway can say so.
    """

    def __init__(self, on_crash: Callable[[str, BaseException], None]) -> None:
        self._on_crash = on_crash
        self._threads: list[threading.Thread] = []

    def start(self, name: str, body: Callable[[], None], count: int = 1) -> None:
        """Run *body* in *count* threads."""
        for number in range(count):
            # daemon: a store call that hangs must not keep a gateway alive that was told to stop
            thread = threading.Thread(target=self._run, args=(name, body), name=f"{name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, timeout_s: float = 5.0) -> None:
        """Wait for the threads, which somebody has told to stop; give up on those that hang after *timeout_s*."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, name: str, body: Callable[[], None]) -> None:
        try:
            body()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 -- the last frame of a thread: what is not told here is never told
            self._on_crash(name, error)
