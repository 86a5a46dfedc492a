"""What is asked of the kernel is set before it matters, and what it makes of it is told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest

from gateway.program import Peer, Settings
from gateway.units import MIB
from gateway.wire.peers import Peers
from gateway.wire.tuning import Tuning, look, unanswered_s
from tests.gateway.authorities import everybody
from tests.gateway.fleet import Gateway, eventually, introduce

# In every Linux; the machine's own may be another one.
RENO = Settings(congestion="reno", socket_buffer_bytes=300_000, dead_after_s=7.0)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets; dialler and listener were prepared alike."""
    tuning = Tuning(7.0, "reno", 300_000)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as near:
        tuning.prepare(server)
        tuning.prepare(near)
        near.connect(server.getsockname())
        far, _ = server.accept()
        with far:
            yield near, far


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def pair(closing: ExitStack, settings: Settings, *, secure: bool = False) -> tuple[Peers, Peers]:
    tls = everybody("a", "b") if secure else {}
    a = Gateway("a", (Peer("b", True, 2),), settings=settings, tls=tls.get("a"), dead_after_s=None)
    b = Gateway("b", (Peer("a", False, 2),), settings=settings, tls=tls.get("b"), dead_after_s=None)
    for gateway in (a, b):
        closing.callback(gateway.peers.close)
    introduce(a, b)
    a.peers.outlet(("b",))
    assert a.is_up("b")
    assert b.is_up("a")
    assert eventually(lambda: len(a.peers.profile()) == len(b.peers.profile()) == 3)
    return a.peers, b.peers


def test_accepted_sockets_take_over_what_the_listener_was_given(ends: tuple[socket.socket, socket.socket]) -> None:
    for view in map(look, ends):
        assert view.congestion == "reno"
        assert view.send_buffer_bytes >= 300_000
        assert view.receive_buffer_bytes >= 300_000


def test_only_what_may_not_wait_for_a_full_receiver_has_a_user_timeout(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    Tuning(7.0).apply(ends[0], patient=True)
    Tuning(7.0).apply(ends[1], patient=False)

    assert [look(sock).user_timeout_s for sock in ends] == [0, 7]
    assert [look(sock).keepalive_idle_s for sock in ends] == [4, 4]
    assert ends[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_by_default_the_kernel_keeps_what_it_has() -> None:
    with socket.socket() as untouched, socket.socket() as prepared:
        Tuning().prepare(prepared)

        for level, option in (
            (socket.SOL_SOCKET, socket.SO_SNDBUF),
            (socket.SOL_SOCKET, socket.SO_RCVBUF),
            (socket.IPPROTO_TCP, socket.TCP_CONGESTION),
        ):
            assert prepared.getsockopt(level, option, 16) == untouched.getsockopt(level, option, 16)
    assert Tuning().problem() == ""


def test_a_congestion_control_that_is_not_to_be_had_is_said_and_harms_nothing(
    closing: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    a, _ = pair(closing, Settings(congestion="nonesuch"))

    assert "congestion control nonesuch is not to be had here" in caplog.text
    for profile in a.profile():
        assert profile.asked.congestion == "nonesuch"
        assert profile.used.congestion not in {None, "nonesuch"}


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_the_profile_tells_what_was_asked_and_what_is_used(closing: ExitStack, secure: bool) -> None:
    a, b = pair(closing, RENO, secure=secure)

    for peers, other, dialled in ((a, "b", True), (b, "a", False)):
        found = peers.profile()
        assert [(one.gateway, one.lane, one.slot) for one in sorted(found, key=lambda one: (one.lane, one.slot))] == [
            (other, "control", 0),
            (other, "forward", 0),
            (other, "forward", 1),
        ]
        for one in found:
            assert one.dialled is dialled
            assert one.version == 2
            assert bool(one.tls) is secure
            assert (one.asked.congestion, one.asked.buffer_bytes, one.asked.dead_after_s) == ("reno", 300_000, 7.0)
            assert one.used.congestion == "reno"
            assert one.used.send_buffer_bytes >= 300_000
            assert one.used.user_timeout_s == (7 if one.lane == "control" else 0)
            assert one.used.mss_bytes
            assert one.used.rtt_s is not None
            assert one.used.window
            assert one.used.retransmitted == 0
    heres = {one.used.here for one in a.profile()}
    assert heres == {one.used.there for one in b.profile()}
    assert msgspec.json.decode(msgspec.json.encode(a.profile()))[0]["used"]["congestion"] == "reno"


def test_what_went_over_a_socket_is_counted(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: far.recv(MIB), b"")])
    reader.start()

    near.sendall(bytes(8 * MIB))
    near.shutdown(socket.SHUT_WR)
    reader.join()

    sent = look(near)
    assert sent.acked_bytes is not None
    assert sent.acked_bytes >= 8 * MIB
    assert sent.min_rtt_s is not None
    assert sent.rtt_s is not None
    assert sent.rtt_s >= sent.min_rtt_s > 0
    assert look(far).received_bytes == 8 * MIB + 1  # the end counts as a byte


def test_a_receiver_that_is_full_owes_no_acknowledgement(ends: tuple[socket.socket, socket.socket]) -> None:
    near, _ = ends
    near.setblocking(False)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            near.send(bytes(1 << 20))
        except BlockingIOError:
            if unanswered_s(near) == 0:
                break

    assert unanswered_s(near) == 0
