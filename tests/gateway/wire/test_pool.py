"""Memory is bounded, lent first come first served, and always comes back."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import LocalWireError, Stopped
from gateway.wire.pool import OVERHEAD, Lease, Pool, Withdrawal

SLICE = 1000


def wait_in_line(pool: Pool, size_bytes: int, withdrawal: Withdrawal | None = None) -> tuple[threading.Thread, list]:
    """Reserve in a thread, and return when it stands in line."""
    got: list[Lease | Stopped] = []

    def reserve() -> None:
        try:
            got.append(pool.reserve(size_bytes, withdrawal))
        except Stopped as error:
            got.append(error)

    before = len(pool._waiters)
    thread = threading.Thread(target=reserve)
    thread.start()
    while len(pool._waiters) == before and thread.is_alive():
        thread.join(0.001)
    return thread, got


def test_a_lease_has_room_for_its_bytes_once_they_are_sealed() -> None:
    pool = Pool(10 * SLICE, SLICE)

    lease = pool.reserve(2 * SLICE + 1)

    assert [len(view) for view in lease.slices] == [SLICE + OVERHEAD] * 3
    assert pool.free_bytes == 7 * SLICE


def test_an_empty_frame_takes_one_slice() -> None:
    assert len(Pool(2 * SLICE, SLICE).reserve(0).slices) == 1


def test_slices_do_not_overlap() -> None:
    pool = Pool(3 * SLICE, SLICE)
    lease = pool.reserve(3 * SLICE)

    for value, view in enumerate(lease.slices):
        view[:] = bytes([value]) * len(view)

    assert [set(view) for view in lease.slices] == [{0}, {1}, {2}]


def test_a_lease_released_twice_comes_back_once() -> None:
    pool = Pool(2 * SLICE, SLICE)
    lease = pool.reserve(SLICE)

    lease.release()
    lease.release()

    assert pool.free_bytes == 2 * SLICE
    assert lease.slices == []


def test_a_request_larger_than_the_pool_is_refused_and_does_not_wait() -> None:
    with pytest.raises(LocalWireError, match="do not fit"):
        Pool(2 * SLICE, SLICE).reserve(3 * SLICE)


def test_a_pool_without_a_slice_is_refused() -> None:
    with pytest.raises(LocalWireError, match="holds no slice"):
        Pool(SLICE - 1, SLICE)


def test_a_large_request_is_not_starved_by_small_ones() -> None:
    pool = Pool(4 * SLICE, SLICE)
    first, second = pool.reserve(2 * SLICE), pool.reserve(SLICE)
    large_thread, large = wait_in_line(pool, 4 * SLICE)
    small_thread, small = wait_in_line(pool, SLICE)

    first.release()
    assert (large, small) == ([], []), "one slice is free, but the large one is first in line"
    second.release()
    large_thread.join()
    assert small == []
    large[0].release()
    small_thread.join()

    assert len(small[0].slices) == 1


def test_closing_wakes_those_who_wait_and_refuses_those_who_come() -> None:
    pool = Pool(SLICE, SLICE)
    lease = pool.reserve(SLICE)
    thread, got = wait_in_line(pool, SLICE)

    pool.close()
    thread.join()

    assert isinstance(got[0], Stopped)
    lease.release()
    with pytest.raises(Stopped):
        pool.reserve(SLICE)


def test_a_withdrawn_wait_lets_the_next_in_line_have_the_memory() -> None:
    pool = Pool(2 * SLICE, SLICE)
    lease = pool.reserve(SLICE)
    withdrawal = Withdrawal()
    large_thread, large = wait_in_line(pool, 2 * SLICE, withdrawal)
    small_thread, small = wait_in_line(pool, SLICE)

    pool.withdraw(withdrawal)
    large_thread.join()
    small_thread.join()

    assert isinstance(large[0], Stopped)
    assert len(small[0].slices) == 1
    with pytest.raises(Stopped):
        pool.reserve(0, withdrawal)
    lease.release()
