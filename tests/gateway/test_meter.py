from __future__ import annotations

import threading

import pytest

from gateway.meter import Meter, Metered, bottleneck


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


def share(busy: float) -> Metered:
    """Return an operator that works for *busy* of its time."""
    return Metered(chunks=1, size_bytes=1, busy_s=busy * 10, waiting_s=(1 - busy) * 10)


@pytest.mark.parametrize(
    ("shares", "slow"),
    [
        ([], None),
        ([0.0, 0.0], None),
        ([0.9, 0.1, 0.1], 0),
        ([0.2, 0.9, 0.1], 1),
        ([0.2, 1.0, 0.95], 2),  # what sends is busy for as long as the next gateway takes nothing
        ([0.95, 1.0, 0.5], 1),
        ([0.01, 0.02, 0.01], 1),
    ],
)
def test_the_last_of_the_busiest_holds_the_others_up(shares: list[float], slow: int | None) -> None:
    assert bottleneck([share(one) for one in shares]) == slow


def test_a_moment_of_work_says_nothing() -> None:
    moment, hour = Metered(1, 1, 0.001, 0.0), Metered(1, 1, 1800.0, 1800.0)

    assert bottleneck([moment, hour, moment]) == 1
