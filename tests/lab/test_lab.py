"""The lab itself: links are as long, as narrow and as lossy as they should be, and nothing of them stays."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.hosts import Host, enter, run_in_thread, why_no_hosts
from tests.lab.relay import ShapingRelay
from tests.lab.wan import Link, Wan

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _hosts(request: pytest.FixtureRequest) -> None:
    if "relay" not in request.node.name and (why := why_no_hosts()):
        pytest.skip(f"no emulated hosts: {why}")


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listen(host: Host, closing: ExitStack) -> socket.socket:
    def make() -> socket.socket:
        enter(host.network)
        return socket.create_server(("0.0.0.0", 0))

    return closing.enter_context(run_in_thread(make))


def connect(host: Host, closing: ExitStack) -> socket.socket:
    def make() -> socket.socket:
        enter(host.network)
        return socket.socket()

    return closing.enter_context(run_in_thread(make))


def devices_of_this_machine() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def push(sender: socket.socket, receiver: socket.socket, size_bytes: int) -> float:
    """Send *size_bytes* and return how long it took until the last had arrived."""
    began_s = time.monotonic()
    thread = threading.Thread(target=sender.sendall, args=(bytes(size_bytes),))
    thread.start()
    left = size_bytes
    while left:
        left -= len(receiver.recv(1 << 20))
    thread.join()
    return time.monotonic() - began_s


def test_a_link_is_as_long_and_as_narrow_as_it_should_be(closing: ExitStack) -> None:
    wan = closing.enter_context(Wan(("a", "b"), Link(mbit=20.0, delay_ms=20.0)))
    server, near = listen(wan.hosts["b"], closing), connect(wan.hosts["a"], closing)

    began_s = time.monotonic()
    near.connect((wan.addresses["b"], server.getsockname()[1]))
    round_trip_s = time.monotonic() - began_s
    far = closing.enter_context(server.accept()[0])
    took_s = push(near, far, 2_500_000)

    assert round_trip_s >= 0.04
    assert took_s >= 1.0, "2.5 MB are 20 Mbit"
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).startswith(b"cubic")


def test_a_share_of_the_packets_is_lost(closing: ExitStack) -> None:
    wan = closing.enter_context(Wan(("a", "b"), Link(loss=0.1)))
    server, near = listen(wan.hosts["b"], closing), connect(wan.hosts["a"], closing)
    near.connect((wan.addresses["b"], server.getsockname()[1]))
    far = closing.enter_context(server.accept()[0])

    push(near, far, 2_000_000)
    counted = wan.counters()

    assert counted["packets"] > 1_000
    assert 0.05 < counted["lost"] / counted["packets"] < 0.15


def test_hosts_see_nothing_of_this_machine_and_leave_nothing_behind() -> None:
    before = devices_of_this_machine()
    with Wan(("a", "b"), Link()) as wan:
        devices = {line.split(": ")[1] for line in wan.hosts["a"].run("ip", "-o", "link").splitlines()}
        emulator = wan.pid

    assert devices == {"lo", "wan0"}
    assert devices_of_this_machine() == before
    assert not Path(f"/proc/{emulator}").exists()


def test_a_relay_is_as_slow_as_it_should_be(closing: ExitStack) -> None:
    server = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
    relay = closing.enter_context(ShapingRelay(server.getsockname()[1], mbit=20.0, delay_ms=20.0))

    near = closing.enter_context(socket.create_connection(("127.0.0.1", relay.port)))
    far = closing.enter_context(server.accept()[0])
    took_s = push(near, far, 2_500_000)

    assert took_s >= 1.0, "2.5 MB are 20 Mbit"


def test_a_frozen_relay_says_nothing_and_a_cut_one_breaks(closing: ExitStack) -> None:
    server = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
    relay = closing.enter_context(ShapingRelay(server.getsockname()[1]))
    near = closing.enter_context(socket.create_connection(("127.0.0.1", relay.port)))
    far = closing.enter_context(server.accept()[0])
    push(near, far, 1)

    relay.freeze()
    near.sendall(b"x")
    far.settimeout(0.3)
    with pytest.raises(TimeoutError):
        far.recv(1)
    relay.thaw()
    far.settimeout(10)
    assert far.recv(1) == b"x"
    relay.cut()

    assert ended(near)
    assert ended(far)
