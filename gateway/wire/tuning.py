"""
What is asked of the kernel for every socket between two gateways, and what it says of it.

Linux has all of it. Elsewhere what the system does not know is left out, and reported as None.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
from dataclasses import dataclass

# What a program says for "whatever the machine has".
AUTO = "auto"
_NAME_BYTES = 16  # TCP_CA_NAME_MAX
# struct tcp_info up to tcpi_sndbuf_limited (linux/tcp.h): 8 bytes, 24 fields of 32 bits, 4 of 64, 6 of 32, 4 of 64.
_TCP_INFO = struct.Struct("=8x24I4Q6I4Q")
_UNACKED, _LAST_ACK_RECEIVED, _RTT, _CWND, _TOTAL_RETRANS = 4, 12, 15, 18, 23
_SND_MSS, _PACING, _BYTES_ACKED, _BYTES_RECEIVED = 2, 24, 26, 27
_NOT_SENT, _MIN_RTT, _DELIVERY, _BUSY, _RWND_LIMITED, _SNDBUF_LIMITED = 30, 31, 34, 35, 36, 37
# tcpi_min_rtt before the first sample.
_NO_RTT = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Tuning:
    """
    What a gateway asks for.

    Attributes:
        dead_after_s: How long a peer may be silent.
        congestion: A TCP congestion control; ``auto`` leaves the machine's.
        buffer_bytes:
            SO_SNDBUF and SO_RCVBUF; 0 leaves them to the kernel, which then sizes them by itself. Linux doubles what
            it is asked for and stops at net.core.wmem_max and rmem_max.
    """

    dead_after_s: float = 10.0
    congestion: str = AUTO
    buffer_bytes: int = 0

    def prepare(self, sock: socket.socket) -> None:
        """
        Set what must be there before *sock* connects or listens: accepted sockets take it over from the listening one.

        A congestion control that is not to be had is left at the machine's: `problem` says so, and so does `look`.
        """
        if self.buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer_bytes)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer_bytes)
        if self.congestion != AUTO and hasattr(socket, "TCP_CONGESTION"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())

    def problem(self) -> str:
        """Return what of this is not to be had on this machine; empty if all is."""
        if self.congestion == AUTO:
            return ""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            self.prepare(sock)
            used = _congestion(sock)
        if used == self.congestion:
            return ""
        return f"congestion control {self.congestion} is not to be had here, it stays {used}"

    def apply(self, sock: socket.socket, *, patient: bool) -> None:
        """
        Set what a connection has: no delay, and keepalive that finds a dead peer on an idle one.

        A connection that is not *patient* also fails once sent bytes stay unacknowledged for ``dead_after_s``
        (TCP_USER_TIMEOUT, Linux only). Frame lanes are patient: Linux counts the time a full receiver keeps its window
        shut too (measured on 6.18: 2.3 s after a limit of 2 s), and a slow sink must slow us down, not cut us off.
        For them `unanswered_s` is the measure.
        """
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        idle_s = max(1, round(self.dead_after_s / 2))
        options = {"TCP_KEEPIDLE": idle_s, "TCP_KEEPINTVL": max(1, idle_s // 4), "TCP_KEEPCNT": 4}
        if not patient:
            options["TCP_USER_TIMEOUT"] = round(self.dead_after_s * 1000)
        for name, value in options.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@dataclass(frozen=True, slots=True)
class KernelView:
    """
    What the kernel really uses for one socket, and how it goes. None is what this system does not tell.

    ``here`` and ``there`` are the addresses of the two ends. ``retransmitted`` and ``window`` (the congestion window)
    count segments of ``mss_bytes``. ``busy_s`` is how long there was something to send; for ``receiver_limited_s`` of
    it the peer's window was full (its side is the slow one), for ``buffer_limited_s`` our own send buffer was too small
    for the way. The rest the network or its congestion control held us.
    """

    here: str
    there: str
    congestion: str | None
    send_buffer_bytes: int
    receive_buffer_bytes: int
    user_timeout_s: float | None
    keepalive_idle_s: int | None
    mss_bytes: int | None = None
    rtt_s: float | None = None
    min_rtt_s: float | None = None
    window: int | None = None
    retransmitted: int | None = None
    pacing_bytes_per_s: int | None = None
    delivery_bytes_per_s: int | None = None
    acked_bytes: int | None = None
    received_bytes: int | None = None
    unsent_bytes: int | None = None
    busy_s: float | None = None
    receiver_limited_s: float | None = None
    buffer_limited_s: float | None = None


def look(sock: socket.socket) -> KernelView:
    """Return how the kernel treats *sock*. Raises: OSError, when it is not connected."""
    timeout_ms = _option(sock, "TCP_USER_TIMEOUT")
    view = KernelView(
        here=_address(sock.getsockname()),
        there=_address(sock.getpeername()),
        congestion=_congestion(sock),
        send_buffer_bytes=sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        receive_buffer_bytes=sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
        user_timeout_s=None if timeout_ms is None else timeout_ms / 1000,
        keepalive_idle_s=_option(sock, "TCP_KEEPIDLE"),
    )
    fields = _tcp_info(sock)
    return view if fields is None else _measured(view, fields)


def unanswered_s(sock: socket.socket) -> float:
    """
    Return for how long the peer's kernel has owed us an acknowledgement; 0 when it owes none.

    A receiver with a shut window owes none: it answers our probes. Linux only, elsewhere always 0.
    """
    fields = _tcp_info(sock)
    return fields[_LAST_ACK_RECEIVED] / 1000 if fields is not None and fields[_UNACKED] else 0.0


def _tcp_info(sock: socket.socket) -> tuple[int, ...] | None:
    if not hasattr(socket, "TCP_INFO"):
        return None
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    # An older kernel tells less; what it does not know is 0 in a newer one too.
    return _TCP_INFO.unpack(info.ljust(_TCP_INFO.size, b"\0"))


def _measured(view: KernelView, fields: tuple[int, ...]) -> KernelView:
    min_rtt_us = fields[_MIN_RTT]
    return dataclasses.replace(
        view,
        mss_bytes=fields[_SND_MSS],
        rtt_s=fields[_RTT] / 1e6,
        min_rtt_s=None if min_rtt_us == _NO_RTT else min_rtt_us / 1e6,
        window=fields[_CWND],
        retransmitted=fields[_TOTAL_RETRANS],
        pacing_bytes_per_s=fields[_PACING],
        delivery_bytes_per_s=fields[_DELIVERY],
        acked_bytes=fields[_BYTES_ACKED],
        received_bytes=fields[_BYTES_RECEIVED],
        unsent_bytes=fields[_NOT_SENT],
        busy_s=fields[_BUSY] / 1e6,
        receiver_limited_s=fields[_RWND_LIMITED] / 1e6,
        buffer_limited_s=fields[_SNDBUF_LIMITED] / 1e6,
    )


def _option(sock: socket.socket, name: str) -> int | None:
    number = getattr(socket, name, None)
    return None if number is None else sock.getsockopt(socket.IPPROTO_TCP, number)


def _congestion(sock: socket.socket) -> str | None:
    if not hasattr(socket, "TCP_CONGESTION"):
        return None
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _NAME_BYTES).rstrip(b"\0").decode()


def _address(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
