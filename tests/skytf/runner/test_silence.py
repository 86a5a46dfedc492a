from __future__ import annotations

import threading

from skytf.runner.silence import noticing_silence


def test_a_long_silence_is_told_once() -> None:
    told = threading.Semaphore(0)

    with noticing_silence(0.01, told.release) as heard:
        told.acquire()
        again = told.acquire(timeout=0.05)  # still silent
        heard()
        told.acquire()

    assert not again


def test_nothing_is_told_while_somebody_talks_and_the_listener_ends() -> None:
    told: list[str] = []
    before = threading.enumerate()

    with noticing_silence(60, lambda: told.append("silent")) as heard:
        for _ in range(100):
            heard()

    assert told == []
    assert threading.enumerate() == before
