"""Gateways over loopback: every frame arrives at least once, memory comes back, and no fault spreads."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.errors import LocalWireError, PeerLost, Stopped, UsageError
from gateway.program import Peer
from gateway.wire.frame import Frame, Message
from gateway.wire.handshake import HANDSHAKE_S
from gateway.wire.lanes import ControlLane, ReceivingLane, SendingLane
from gateway.wire.sockets import MOST_HANDSHAKES
from tests.gateway.fleet import SLICE_BYTES, Gateway, Proxy, eventually, introduce, make_frame


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(closing: ExitStack, *gateways: Gateway, ports: dict[str, int] | None = None) -> None:
    for gateway in gateways:
        closing.callback(gateway.peers.close)
    introduce(*gateways, ports=ports)


def pair(closing: ExitStack, *, a_dials: bool = True, dead_after_s: float = 5.0) -> tuple[Gateway, Gateway]:
    a = Gateway("a", (Peer("b", a_dials, 2),), dead_after_s=dead_after_s)
    b = Gateway("b", (Peer("a", not a_dials, 2),), dead_after_s=dead_after_s)
    start(closing, a, b)
    assert a.is_up("b")
    assert b.is_up("a")
    return a, b


def pair_via_proxy(closing: ExitStack, *, dead_after_s: float = 5.0) -> tuple[Gateway, Gateway, Proxy]:
    a = Gateway("a", (Peer("b", True, 2),), dead_after_s=dead_after_s)
    b = Gateway("b", (Peer("a", False, 2),), dead_after_s=dead_after_s)
    proxy = closing.enter_context(Proxy(b.port))
    start(closing, a, b, ports={"b": proxy.port})
    assert a.is_up("b")
    assert b.is_up("a")
    return a, b, proxy


def send(gateway: Gateway, to: tuple[str, ...], payloads: list[bytes]) -> dict[bytes, bytes]:
    """Put a frame per payload, and return the payloads by frame id."""
    queue = gateway.peers.outlet(to)
    sent = {}
    for payload in payloads:
        frame = make_frame(gateway.pool, payload, source=gateway.name)
        sent[frame.frame_id] = payload
        queue.put(frame)
    return sent


def memory_comes_back(*gateways: Gateway) -> bool:
    """Whether all pools are full again soon; a reservation of everything waits for exactly that."""
    for pool in [pool for gateway in gateways for pool in (gateway.pool, gateway.receiving)]:
        watchdog = threading.Timer(10, pool.close)
        watchdog.start()
        try:
            pool.reserve(pool.slices * SLICE_BYTES).release()
        except Stopped:
            return False
        finally:
            watchdog.cancel()
            watchdog.join()
    return True


PAYLOADS = [
    b"",
    b"x",
    b"compressible " * 40_000,
    os.urandom(SLICE_BYTES),
    os.urandom(SLICE_BYTES + 1),
    os.urandom(5 * SLICE_BYTES - 1),
]


@pytest.mark.parametrize("a_dials", [True, False])
def test_frames_arrive_whichever_side_dials(closing: ExitStack, a_dials: bool) -> None:
    a, b = pair(closing, a_dials=a_dials)

    sent = send(a, ("b",), PAYLOADS * 5)

    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert b.payloads == sent
    assert memory_comes_back(a, b)
    assert a.peers.counters()["frames_resent"] == 0
    assert b.peers.counters()["bytes_received"] > sum(map(len, PAYLOADS[3:])) * 5


def test_frames_travel_both_ways_at_once(closing: ExitStack) -> None:
    a, b = pair(closing)

    from_a = threading.Thread(target=send, args=(a, ("b",), PAYLOADS * 10))
    from_a.start()
    sent = send(b, ("a",), PAYLOADS * 10)
    from_a.join()

    assert a.wait(lambda: a.payloads == sent)
    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert memory_comes_back(a, b)


def test_frames_cross_each_other_at_a_relay_with_hardly_any_memory(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("r", True, 2),))
    r = Gateway("r", (Peer("a", False, 2), Peer("b", True, 2)), pool_bytes=10 * SLICE_BYTES)
    b = Gateway("b", (Peer("r", False, 2),))
    to_a, to_b = r.peers.outlet(("a",)), r.peers.outlet(("b",))
    r.on_frame = lambda peer, frame: (to_b if peer == "a" else to_a).put(frame)
    start(closing, a, r, b)

    from_a = threading.Thread(target=send, args=(a, ("r",), PAYLOADS * 5))
    from_a.start()
    sent = send(b, ("r",), PAYLOADS * 5)
    from_a.join()

    assert a.wait(lambda: a.payloads == sent)
    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert memory_comes_back(a, r, b)


def test_a_relay_forwards_frames_and_messages_it_cannot_read(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("r", True, 2),), routes={"b": ("r",)})
    r = Gateway("r", (Peer("a", False, 2), Peer("b", True, 2)), pool_bytes=12 * SLICE_BYTES)
    b = Gateway("b", (Peer("r", False, 2),), routes={"a": ("r",)})
    outlet = r.peers.outlet(("b",))
    r.on_frame = lambda peer, frame: outlet.put(frame)
    start(closing, a, r, b)
    there, back = Message("b", "a", "open", b"sealed"), Message("a", "b", "receipt", b"sealed too")

    sent = send(a, ("r",), PAYLOADS * 5)
    a.peers.send_message(there)
    b.peers.send_message(back)

    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert b.payloads == sent
    assert b.wait(lambda: b.messages == [there])
    assert a.wait(lambda: a.messages == [back])
    assert memory_comes_back(a, r, b)


def test_connections_cut_again_and_again_lose_no_frame(closing: ExitStack) -> None:
    a, b, proxy = pair_via_proxy(closing)
    proxy.cut_after_bytes = 3 * SLICE_BYTES

    sent = send(a, ("b",), [os.urandom(2 * SLICE_BYTES) for _ in range(12)])
    assert proxy.has_cut(3)
    proxy.cut_after_bytes = None

    assert b.wait(lambda: len(b.payloads) == len(sent))
    assert b.payloads == sent
    assert a.peers.counters()["frames_resent"] >= 1
    assert memory_comes_back(a, b)
    assert (a.transitions, b.transitions) == ([("b", True)], [("a", True)]), "a broken connection is no death"


def test_a_connection_that_has_ended_does_not_wait_for_the_garbage_collector(closing: ExitStack) -> None:
    a, b, proxy = pair_via_proxy(closing)
    first = send(a, ("b",), PAYLOADS)
    assert b.wait(lambda: len(b.payloads) == len(first))
    gc.collect()
    closing.callback(gc.enable)
    gc.disable()
    lanes = [weakref.ref(one) for one in gc.get_objects() if isinstance(one, ControlLane | ReceivingLane | SendingLane)]

    proxy.cut()
    second = send(a, ("b",), PAYLOADS)

    assert b.wait(lambda: set(b.payloads) == {*first, *second})
    assert lanes
    assert eventually(lambda: not any(lane() for lane in lanes))


def test_a_bug_in_a_callback_does_not_end_a_connection_for_good(closing: ExitStack) -> None:
    a, b = pair(closing, a_dials=False)
    bugs = [TypeError("a bug")] * 2  # one for each connection

    def take(peer: str, frame: Frame) -> None:
        if bugs:
            frame.release()
            raise bugs.pop()
        b.keep(peer, frame)

    b.on_frame = take
    sent = send(a, ("b",), PAYLOADS)

    assert b.wait(lambda: b.payloads == sent)
    assert memory_comes_back(a, b)


def test_messages_arrive_at_least_once_though_the_connection_breaks(closing: ExitStack) -> None:
    a, b, proxy = pair_via_proxy(closing)
    messages = [Message("b", "a", f"m{i}", b"seal") for i in range(300)]

    for i, message in enumerate(messages):
        a.peers.send_message(message)
        if i % 100 == 50:
            proxy.cut()

    assert b.wait(lambda: set(b.messages) == set(messages))


def test_a_slow_sink_slows_the_source(closing: ExitStack) -> None:
    a, b = pair(closing, dead_after_s=1.0)
    gate = threading.Event()
    b.on_frame = lambda peer, frame: (gate.wait(), b.keep(peer, frame))[1]
    closing.callback(gate.set)
    payloads = [bytes([i]) * (2 * SLICE_BYTES) for i in range(40)]
    source = threading.Thread(target=send, args=(a, ("b",), payloads))

    source.start()
    source.join(2.5)
    assert source.is_alive(), "put() blocks"
    assert a.transitions == [("b", True)], "a full sink is not dead, however long it is full"
    assert a.peers.counters()["frames_resent"] == 0
    gate.set()
    source.join(10)

    assert b.wait(lambda: sorted(b.payloads.values()) == payloads)
    assert memory_comes_back(a, b)


def test_the_living_peer_gets_the_frames_that_the_dead_one_had(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("b", True, 1), Peer("c", True, 1)), dead_after_s=1.0)
    b = Gateway("b", (Peer("a", False, 1),), dead_after_s=1.0)
    c = Gateway("c", (Peer("a", False, 1),), dead_after_s=1.0)
    proxy = closing.enter_context(Proxy(b.port))
    start(closing, a, b, c, ports={"b": proxy.port})
    assert a.wait(lambda: sorted(a.transitions) == [("b", True), ("c", True)])
    outlet = a.peers.outlet(("b", "c"))
    closing.callback(proxy.thaw)
    proxy.freeze()

    sent = send(a, ("c", "b"), [os.urandom(SLICE_BYTES) for _ in range(20)])

    assert a.wait(lambda: a.transitions[-1] == ("b", False))
    assert c.wait(lambda: c.payloads == sent)
    assert a.peers.outlet(("b", "c")) is outlet
    assert a.peers.alive() == {"b": False, "c": True}
    assert memory_comes_back(a)


def test_a_peer_that_is_dead_gets_no_frames_and_its_messages_when_it_is_back(closing: ExitStack) -> None:
    a, b, proxy = pair_via_proxy(closing, dead_after_s=0.6)
    proxy.freeze()
    assert a.wait(lambda: a.transitions == [("b", True), ("b", False)])

    send(a, ("b",), [bytes(SLICE_BYTES)] * 100)
    kept = Message("b", "a", "open", b"seal")
    a.peers.send_message(kept)
    assert memory_comes_back(a)
    assert a.peers.counters()["frames_dropped"] >= 100

    proxy.thaw()
    assert a.wait(lambda: a.transitions[-1] == ("b", True))
    sent = send(a, ("b",), [b"after"])
    assert b.wait(lambda: set(sent) <= set(b.payloads))
    assert b.wait(lambda: b.messages == [kept])
    assert a.peers.counters()["messages_dropped"] == 0


def test_what_waits_for_a_dead_hop_goes_another_way(closing: ExitStack) -> None:
    """Two relays lead to z; the one that has the messages dies with them."""
    a = Gateway("a", (Peer("r", True, 1), Peer("s", True, 1)), routes={"z": ("r", "s")}, dead_after_s=0.6)
    relayed = (Peer("a", False, 1), Peer("z", True, 1))
    r, s = (Gateway(name, relayed, routes={"z": ("z",)}, dead_after_s=0.6) for name in "rs")
    z = Gateway("z", (Peer("r", False, 1), Peer("s", False, 1)), dead_after_s=0.6)
    proxy = closing.enter_context(Proxy(r.port))
    start(closing, a, r, s, z, ports={"r": proxy.port})
    assert a.wait(lambda: sorted(a.transitions) == [("r", True), ("s", True)])
    assert s.wait(lambda: ("z", True) in s.transitions)
    messages = [Message("z", "a", f"m{i}", b"seal") for i in range(5)]

    closing.callback(proxy.thaw)
    proxy.freeze()
    for message in messages:
        a.peers.send_message(message)

    assert z.wait(lambda: set(z.messages) == set(messages))
    assert a.transitions[-1] == ("r", False)


def test_a_relay_keeps_messages_for_a_gateway_that_is_killed_and_comes_back(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("r", True, 1),), routes={"b": ("r",)}, dead_after_s=0.6)
    r = Gateway("r", (Peer("a", False, 1), Peer("b", True, 1)), dead_after_s=0.6)
    b = Gateway("b", (Peer("r", False, 1),), routes={"a": ("r",)}, dead_after_s=0.6)
    start(closing, a, r, b)
    assert r.wait(lambda: sorted(r.transitions) == [("a", True), ("b", True)])
    kept, later = Message("b", "a", "open", b"while it was away"), Message("b", "a", "open", b"later")

    b.peers.close()
    assert r.wait(lambda: r.transitions[-1] == ("b", False))
    a.peers.send_message(kept)
    again = Gateway("b", (Peer("r", False, 1),), routes={"a": ("r",)}, dead_after_s=0.6, identity=b.identity)
    closing.callback(again.peers.close)
    again.peers.configure([a.address(), r.address()])
    r.peers.configure([again.address()])

    assert r.wait(lambda: r.transitions[-1] == ("b", True))
    a.peers.send_message(later)
    assert again.wait(lambda: set(again.messages) == {kept, later})


def test_a_peer_given_up_on_anothers_word_is_dead_at_once_and_back_if_it_lives(closing: ExitStack) -> None:
    a, b = pair(closing)

    a.peers.give_up("b")
    a.peers.give_up("nobody")

    assert a.wait(lambda: a.transitions == [("b", True), ("b", False), ("b", True)])
    sent = send(a, ("b",), [b"after"])
    assert b.wait(lambda: b.payloads == sent)


def test_a_peer_that_never_comes_is_reported_once(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("b", False, 1),), dead_after_s=0.3)
    closing.callback(a.peers.close)
    b = Gateway("b", ())
    b.peers.close()

    a.peers.configure([b.address()])

    assert a.wait(lambda: a.transitions == [("b", False)])
    assert not a.wait(lambda: len(a.transitions) > 1, 0.5)


def test_before_it_is_configured_a_gateway_holds_nobody_for_dead(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("b", True, 1),), dead_after_s=0.2)
    closing.callback(a.peers.close)

    assert not a.wait(lambda: bool(a.transitions), 0.6)


@pytest.mark.parametrize(
    "garbage", [b"", bytes(60), b"\xff" * 100_000, b"GET / HTTP/1.1\r\n\r\n", b"skytf\0\0\2\x01a" + bytes(55)]
)
def test_garbage_costs_a_stranger_the_connection_and_nobody_else(closing: ExitStack, garbage: bytes) -> None:
    a, b = pair(closing)

    with socket.create_connection(("127.0.0.1", b.port)) as stranger:
        stranger.settimeout(5)
        stranger.sendall(garbage)
        if not garbage:
            stranger.shutdown(socket.SHUT_WR)
        try:
            answer = stranger.recv(100)
        except ConnectionResetError:
            answer = b""
    sent = send(a, ("b",), [b"still works"])

    assert answer == b""
    assert b.wait(lambda: b.payloads == sent)


def test_strangers_who_say_nothing_keep_no_peer_out(closing: ExitStack) -> None:
    a, b = Gateway("a", (Peer("b", True, 2),)), Gateway("b", (Peer("a", False, 2),))
    for _ in range(MOST_HANDSHAKES + 10):
        closing.enter_context(socket.create_connection(("127.0.0.1", b.port)))

    start(closing, a, b)

    assert a.wait(lambda: a.transitions == [("b", True)], HANDSHAKE_S / 2)


def test_a_peer_that_breaks_the_rules_loses_its_connection_and_we_go_on(closing: ExitStack) -> None:
    a, b = pair(closing)
    huge = make_frame(a.pool, b"huge")
    huge.raw_bytes = 2**50
    queue = a.peers.outlet(("b",))

    queue.put(huge)

    assert eventually(lambda: a.peers.counters()["frames_resent"] >= 1), "b refuses it again and again"
    assert b.payloads == {}
    assert b.peers.alive() == {"a": True}
    assert b.receiving.free_bytes == b.receiving.slices * SLICE_BYTES


def test_idle_peers_use_no_cpu(closing: ExitStack) -> None:
    a, b = pair(closing)
    sent = send(a, ("b",), [b"x"])
    assert b.wait(lambda: b.payloads == sent)

    before = time.process_time()
    assert not a.wait(lambda: len(a.transitions) > 1, 1.0)

    assert time.process_time() - before < 0.2


def test_close_is_quick_though_the_peer_hangs_in_the_middle_of_a_frame(closing: ExitStack) -> None:
    a, _, proxy = pair_via_proxy(closing)
    closing.callback(proxy.thaw)
    proxy.freeze()
    frames = threading.Thread(target=_put_until_stopped, args=(a,))
    frames.start()
    frames.join(0.5)
    a.peers.send_message(Message("b", "a", "open", b"seal"))

    began = time.monotonic()
    a.peers.close()

    assert time.monotonic() - began < 1.0
    frames.join(5)
    assert not frames.is_alive()
    assert memory_comes_back(a)
    with pytest.raises(Stopped):
        a.peers.send_message(Message("b", "a", "open", b"seal"))


def _put_until_stopped(gateway: Gateway) -> None:
    queue = gateway.peers.outlet(("b",))
    while True:
        frame = make_frame(gateway.pool, os.urandom(4 * SLICE_BYTES))
        try:
            queue.put(frame)
        except Stopped:
            frame.release()
            return


def test_close_leaves_no_thread_and_no_open_port() -> None:
    before = set(threading.enumerate())
    with ExitStack() as closing:
        a, b = pair(closing)
        send(a, ("b",), [b"x"])
        assert b.wait(lambda: len(b.payloads) == 1)

    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", b.port))


def test_close_does_not_wait_for_memory_that_never_comes(closing: ExitStack) -> None:
    a, b = pair(closing)
    lease = b.receiving.reserve(b.receiving.slices * SLICE_BYTES)
    send(a, ("b",), [b"x" * SLICE_BYTES])
    assert eventually(lambda: bool(b.receiving._waiters))

    began = time.monotonic()
    b.peers.close()

    assert time.monotonic() - began < 1.0
    lease.release()


def test_a_message_to_ourselves_needs_no_network() -> None:
    a = Gateway("a", ())
    message = Message("a", "a", "open", b"seal")

    a.peers.send_message(message)
    a.peers.close()

    assert a.messages == [message]


def test_a_relay_without_a_route_drops_and_counts(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("r", True, 1),), routes={"z": ("r",)})
    r = Gateway("r", (Peer("a", False, 1),))
    start(closing, a, r)
    after = Message("r", "a", "open", b"seal")

    a.peers.send_message(Message("z", "a", "open", b"seal"))
    a.peers.send_message(after)

    assert r.wait(lambda: r.messages == [after])
    assert r.peers.counters()["messages_dropped"] == 1


def test_what_cannot_be_is_said_at_once(closing: ExitStack) -> None:
    a = Gateway("a", (Peer("b", True, 1),))
    closing.callback(a.peers.close)

    with pytest.raises(LocalWireError, match="no link with z"):
        a.peers.outlet(("b", "z"))
    with pytest.raises(PeerLost, match="no way to gateway z"):
        a.peers.send_message(Message("z", "a", "open", b"seal"))
    with pytest.raises(LocalWireError, match="cannot travel"):
        a.peers.send_message(Message("b", "a", "open", bytes(2 << 20)))
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1 port"):
        a.peers.listen("127.0.0.1", a.port)


def test_a_frame_of_which_only_a_part_came_gives_its_memory_back(closing: ExitStack) -> None:
    a, b, proxy = pair_via_proxy(closing)
    arrived: list[Frame] = []
    b.on_frame = lambda peer, frame: arrived.append(frame)
    proxy.cut_after_bytes = SLICE_BYTES
    send(a, ("b",), [os.urandom(8 * SLICE_BYTES)])
    assert proxy.has_cut(2)

    a.peers.close()

    assert arrived == []
    assert memory_comes_back(a, b)
