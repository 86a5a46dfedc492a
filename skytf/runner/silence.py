"""Say so when something that should talk has been silent for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def noticing_silence(after_s: float, tell: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """
    Call *tell*, once per silence, when the yielded function was not called for *after_s* seconds.

    It is called in a thread of its own, which ends with the context.
    """
    heard, ended = threading.Event(), threading.Event()

    def listen() -> None:
        while not ended.is_set():
            if not heard.wait(after_s):
                tell()
                heard.wait()
            heard.clear()

    listener = threading.Thread(target=listen, name="silence")
    listener.start()
    try:
        yield heard.set
    finally:
        ended.set()
        heard.set()
        listener.join()
