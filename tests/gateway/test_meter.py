from __future__ import annotations

import threading

from gateway.meter import Meter, Metered


def count(meter: Meter, chunks: int) -> None:
    for _ in range(chunks):
        share = meter.share()
        share.chunks += 1
        share.size_bytes += 10
        share.busy_s += 0.5
        share.waiting_s += 0.25


def test_a_meter_sums_what_its_threads_have_counted() -> None:
    meter = Meter()
    threads = [threading.Thread(target=count, args=(meter, 100)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert meter.read() == Metered(chunks=400, size_bytes=4000, busy_s=200.0, waiting_s=100.0)


def test_threads_that_have_ended_are_counted_and_not_kept() -> None:
    meter = Meter()

    for _ in range(50):
        thread = threading.Thread(target=count, args=(meter, 1))
        thread.start()
        thread.join()

    assert meter.read().chunks == 50
    assert len(meter._shares._living) <= 2


def test_a_thread_gets_the_same_share_again() -> None:
    meter, other = Meter(), Meter()

    assert meter.share() is meter.share()
    assert meter.share() is not other.share()
