"""Connections compete for frames; none is lost when one of them breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from gateway.errors import LocalWireError, RemoteWireError, Stopped
from gateway.units import MIB
from gateway.wire.frame import Frame
from gateway.wire.outlet import Exchange, Taker
from gateway.wire.parcel import LATE_FACTOR, LATE_LEAST_S, QUEUE_BYTES, QUEUE_FRAMES, WINDOW_FRAMES, WINDOW_MOST_FRAMES
from gateway.wire.pool import Pool


class Bench:
    """An exchange, and frames whose memory is counted."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.pool = Pool(1000, 1)
        self.made = 0

    def frame(self, size_bytes: int = 16 * MIB) -> Frame:
        self.made += 1
        lease = self.pool.reserve(1)
        body = memoryview(_zeros)[:size_bytes]
        return Frame(self.made.to_bytes(16), "p", "a", (0,), 1, size_bytes, bytes(32), b"m", [body], lease)

    def all_released(self) -> bool:
        return self.pool.free_bytes == 1000


_zeros = bytes(16 * MIB)


def number(frame: Frame | None) -> int:
    assert frame is not None
    frame.release()  # the sender's own reference
    return int.from_bytes(frame.frame_id)


def in_thread(act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(act())
        except Stopped as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_the_same_set_of_peers_gives_the_same_queue() -> None:
    exchange = Exchange()

    assert exchange.queue(("b", "c")) is exchange.queue(("c", "b"))
    assert exchange.queue(("b",)) is not exchange.queue(("b", "c"))
    assert exchange.serves("c")
    assert not exchange.serves("d")


def test_a_connection_takes_no_more_than_its_window() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b",))
    taker = Taker(bench.exchange, "b")
    for _ in range(WINDOW_FRAMES + 1):
        queue.put(bench.frame())
    taken = [number(bench.exchange.take(taker)) for _ in range(WINDOW_FRAMES)]

    thread, rest = in_thread(lambda: number(bench.exchange.take(taker)))
    thread.join(0.1)
    assert rest == []
    bench.exchange.ack(taker, taken[0].to_bytes(16))
    thread.join(5)

    assert taken + rest == [1, 2, 3]


def test_small_frames_fill_the_window_by_their_bytes() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b",))
    taker = Taker(bench.exchange, "b")

    for _ in range(WINDOW_MOST_FRAMES):
        queue.put(bench.frame(1000))
        number(bench.exchange.take(taker))

    assert not taker.has_room()


def test_put_blocks_while_the_queue_is_full() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b",))
    for _ in range(QUEUE_FRAMES):
        queue.put(bench.frame(1000))

    thread, results = in_thread(lambda: queue.put(bench.frame(1000)))
    thread.join(0.1)
    assert results == []
    number(bench.exchange.take(Taker(bench.exchange, "b")))
    thread.join(5)

    assert results == [None]
    assert len(queue.frames) == QUEUE_FRAMES


def test_large_frames_fill_the_queue_by_their_bytes() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b",))

    held = [queue.is_full()]
    for _ in range(QUEUE_BYTES // (16 * MIB)):
        queue.put(bench.frame())
        held.append(queue.is_full())

    assert held == [False, False, False, False, True]


def test_a_broken_connection_puts_its_frames_back_in_front_in_order() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b", "c"))
    for _ in range(3):
        queue.put(bench.frame())
    broken, other = Taker(bench.exchange, "b"), Taker(bench.exchange, "c")
    for _ in range(2):
        number(bench.exchange.take(broken))

    bench.exchange.stop(broken)
    bench.exchange.give_back(broken)

    assert bench.exchange.take(broken) is None
    assert [number(bench.exchange.take(other)) for _ in range(2)] == [1, 2]
    assert bench.exchange.resent == 2


def test_a_frame_wakes_a_sleeper_even_if_the_first_one_woken_is_gone() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b",))
    gone, alive = Taker(bench.exchange, "b"), Taker(bench.exchange, "b")
    gone_thread, _ = in_thread(lambda: bench.exchange.take(gone))
    while gone not in bench.exchange._idle.get("b", {}):
        gone_thread.join(0.001)
    alive_thread, got = in_thread(lambda: number(bench.exchange.take(alive)))
    while alive not in bench.exchange._idle["b"]:
        alive_thread.join(0.001)
    with bench.exchange._lock:  # woken for the frame, and broken before it runs
        queue.frames.append(bench.frame())
        bench.exchange._wake(queue)
        gone.stopped = True

    gone_thread.join(5)
    alive_thread.join(5)

    assert got == [1]


def test_an_early_acknowledgement_does_not_free_what_is_being_sent() -> None:
    bench = Bench()
    bench.exchange.queue(("b",)).put(bench.frame())
    taker = Taker(bench.exchange, "b")
    frame = bench.exchange.take(taker)
    assert frame is not None

    bench.exchange.ack(taker, frame.frame_id)
    assert not bench.all_released()
    frame.release()

    assert bench.all_released()


def test_an_acknowledgement_of_something_else_is_the_peers_fault() -> None:
    exchange = Exchange()

    with pytest.raises(RemoteWireError, match="was not sent"):
        exchange.ack(Taker(exchange, "b"), bytes(16))


def test_frames_for_peers_that_are_all_dead_are_dropped_and_put_does_not_block() -> None:
    bench = Bench()
    queue = bench.exchange.queue(("b", "c"))
    for _ in range(QUEUE_FRAMES):
        queue.put(bench.frame(1000))
    thread, results = in_thread(lambda: queue.put(bench.frame()))

    bench.exchange.set_dead("b", True)
    thread.join(0.05)
    assert len(queue.frames) == QUEUE_FRAMES, "c may still take them"
    bench.exchange.set_dead("c", True)
    thread.join(5)
    queue.put(bench.frame())

    assert results == [None]
    assert bench.all_released()
    assert bench.exchange.dropped == QUEUE_FRAMES + 2
    bench.exchange.set_dead("c", False)
    queue.put(bench.frame())
    assert len(queue.frames) == 1


def test_closing_wakes_everybody_and_releases_every_frame() -> None:
    bench = Bench()
    full, empty = bench.exchange.queue(("b",)), bench.exchange.queue(("c",))
    for _ in range(QUEUE_FRAMES):
        full.put(bench.frame(1000))
    late = bench.frame()
    putting, put = in_thread(lambda: full.put(late))
    sleeper = Taker(bench.exchange, "c")
    taking, took = in_thread(lambda: bench.exchange.take(sleeper))
    while sleeper not in bench.exchange._idle.get("c", {}):
        taking.join(0.001)
    putting.join(0.05)

    bench.exchange.close()
    putting.join(5)
    taking.join(5)

    assert isinstance(put[0], Stopped)
    assert took == [None]
    late.release()
    assert bench.all_released()
    with pytest.raises(Stopped):
        empty.put(late)


def test_a_frame_that_no_receiver_would_take_is_refused_at_once() -> None:
    bench = Bench()
    frame = bench.frame()
    frame.partition = "x" * 256

    with pytest.raises(LocalWireError, match="cannot travel"):
        bench.exchange.queue(("b",)).put(frame)


class Late:
    """One connection that holds a frame since second 0 of the bench's clock, and another that has nothing to do."""

    def __init__(self, bench: Bench, *, other_takes: bool = True) -> None:
        self.queue = bench.exchange.queue(("b",))
        self.slow = Taker(bench.exchange, "b")
        self.quick = Taker(bench.exchange, "b") if other_takes else self.slow
        self.queue.put(bench.frame())
        number(bench.exchange.take(self.slow))
        self.since_s = self.slow.unacked[0].since_s
        self.thread, self.taken = in_thread(lambda: bench.exchange.take(self.quick))
        while not bench.exchange._idle.get("b"):
            self.thread.join(0.01)

    def others_took(self, seconds: float) -> None:
        self.queue.pace.took(self.since_s, self.since_s + seconds)


def test_what_a_slow_connection_holds_is_sent_by_another_that_has_nothing_to_do() -> None:
    bench = Bench()
    late = Late(bench)
    late.others_took(0.1)

    bench.exchange.rescue(late.since_s + LATE_LEAST_S)
    too_early = bool(late.slow.unacked[0].rescued)
    bench.exchange.rescue(late.since_s + LATE_LEAST_S + 0.1)
    bench.exchange.rescue(late.since_s + LATE_LEAST_S + 0.2)
    late.thread.join(5)
    (frame,) = late.taken
    assert isinstance(frame, Frame)
    assert number(frame) == 1
    bench.exchange.ack(late.quick, frame.frame_id)
    bench.exchange.give_back(late.slow)

    assert not too_early
    assert not late.queue.rescued
    assert len(late.queue.frames) == 1
    bench.exchange.close()
    assert bench.all_released()


def test_what_was_to_be_rescued_wakes_another_if_the_one_woken_is_gone() -> None:
    bench = Bench()
    late = Late(bench)
    third = Taker(bench.exchange, "b")
    third_thread, got = in_thread(lambda: number(bench.exchange.take(third)))
    while third not in bench.exchange._idle["b"]:
        third_thread.join(0.001)
    with bench.exchange._lock:  # woken for the frame, and broken before it runs
        late.queue.rescued.append((late.slow, late.slow.unacked[0].parcel.again()))
        bench.exchange._wake(late.queue, late.slow)
        late.quick.stopped = True

    late.thread.join(5)
    third_thread.join(5)
    bench.exchange.close()

    assert late.taken == [None]
    assert got == [1]


def test_what_a_peer_acknowledged_before_it_was_whole_is_forgotten_once() -> None:
    bench = Bench()
    bench.exchange.queue(("b",)).put(bench.frame())
    taker = Taker(bench.exchange, "b")
    frame = bench.exchange.take(taker)
    assert frame is not None
    bench.exchange.ack(taker, frame.frame_id)

    bench.exchange.forget(taker, frame)
    frame.release()

    assert bench.all_released()
    assert taker.unacked_bytes == 0


def test_nothing_is_late_that_takes_as_long_as_the_others() -> None:
    bench = Bench()
    late = Late(bench)
    late.others_took(10.0)

    bench.exchange.rescue(late.since_s + LATE_FACTOR * 10.0)

    assert not late.slow.unacked[0].rescued
    bench.exchange.close()


def test_nothing_is_late_while_the_peer_acknowledges_nothing_at_all() -> None:
    bench = Bench()
    late = Late(bench)

    bench.exchange.rescue(late.since_s + 1000)

    assert not late.slow.unacked[0].rescued
    bench.exchange.close()


def test_a_connection_does_not_take_again_what_it_is_late_with() -> None:
    bench = Bench()
    late = Late(bench, other_takes=False)
    late.others_took(0.1)

    bench.exchange.rescue(late.since_s + 100)

    assert not late.slow.unacked[0].rescued
    bench.exchange.close()
    late.thread.join(5)
    assert late.taken == [None]
