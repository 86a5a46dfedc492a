from __future__ import annotations

import threading
import time

from gateway.delivery.workers import Workers


def test_threads_that_hang_are_given_up_together() -> None:
    """A gateway has twenty seconds to stop in order; each thread may hang in a store call."""
    workers, end = Workers(lambda *_: None), threading.Event()

    def hang() -> None:
        end.wait()

    workers.start("hang", hang, count=10)

    began_s = time.monotonic()
    workers.join(0.2)
    took_s = time.monotonic() - began_s
    end.set()
    workers.join()

    assert took_s < 1.0
