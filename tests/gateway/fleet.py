"""A few gateways in one process, over loopback: what the tests of the wire share."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from gateway.program import Peer, Program, Settings
from gateway.wire.certificates import Tls
from gateway.wire.codecs import FrameOpener, FrameSealer
from gateway.wire.compression import Compressor
from gateway.wire.frame import Frame, Message
from gateway.wire.link import shut
from gateway.wire.peers import Identity, PeerAddress, Peers
from gateway.wire.pool import Pool

KEY = bytes(range(32))
TRANSFER = "transfer-1"
SLICE_BYTES = 64 * 1024
PATIENCE_S = 10.0
LZ4 = Compressor("lz4")


class Gateway:
    """One `Peers`, and all that its callbacks were told."""

    def __init__(
        self,
        name: str,
        peers: tuple[Peer, ...],
        *,
        routes: Mapping[str, tuple[str, ...]] | None = None,
        pool_bytes: int = 64 * SLICE_BYTES,
        dead_after_s: float | None = 5.0,
        identity: Identity | None = None,
        settings: Settings | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.name = name
        self.identity = identity or Identity.generate()
        self.pool = Pool(pool_bytes, SLICE_BYTES)
        self.receiving = Pool(pool_bytes, SLICE_BYTES)
        self.changed = threading.Condition()
        self.payloads: dict[bytes, bytes] = {}
        self.messages: list[Message] = []
        self.transitions: list[tuple[str, bool]] = []
        self.on_frame: Callable[[str, Frame], None] = self.keep
        self.peers = Peers(
            Program(name, (), peers, routes or {}, settings=settings or Settings()),
            self.identity,
            self.receiving,
            on_frame=self._take,
            on_message=self._keep_message,
            on_peer=self._keep_transition,
            dead_after_s=dead_after_s,
            transfer_id=TRANSFER,
            tls=tls,
        )
        self.port = self.peers.listen("127.0.0.1", 0)

    def address(self, port: int = 0) -> PeerAddress:
        return PeerAddress(self.name, self.identity.public_key, "127.0.0.1", port or self.port)

    def keep(self, peer: str, frame: Frame) -> None:
        payload = open_frame(frame)
        frame.release()
        with self.changed:
            self.payloads[frame.frame_id] = payload
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, timeout_s)

    def is_up(self, peer: str) -> bool:
        return self.wait(lambda: self.transitions[-1:] == [(peer, True)])

    def _take(self, peer: str, frame: Frame) -> None:
        self.on_frame(peer, frame)

    def _keep_message(self, message: Message) -> None:
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def _keep_transition(self, peer: str, up: bool) -> None:
        with self.changed:
            self.transitions.append((peer, up))
            self.changed.notify_all()


def introduce(*gateways: Gateway, ports: Mapping[str, int] | None = None) -> None:
    """Give every gateway the addresses of all; *ports* overrides where one is dialled (a proxy's port)."""
    addresses = [gateway.address((ports or {}).get(gateway.name, 0)) for gateway in gateways]
    for gateway in gateways:
        gateway.peers.configure(addresses)


def make_frame(pool: Pool, payload: bytes, *, partition: str = "p0", source: str = "a") -> Frame:
    """Return a sealed frame of *payload* in memory of *pool*."""
    frame_id = os.urandom(16)
    sealer = FrameSealer(KEY, TRANSFER, frame_id)
    lease = pool.reserve(len(payload))
    pieces = [payload[i : i + SLICE_BYTES] for i in range(0, len(payload), SLICE_BYTES)]
    slices = []
    for index, piece in enumerate(pieces):
        out = lease.slices[index]
        slices.append(out[: sealer.seal(index, index == len(pieces) - 1, memoryview(piece), out, LZ4)])
    frame = Frame(frame_id, partition, source, (0,), 1, len(payload), sealer.salt, b"", slices, lease)
    frame.manifest = sealer.seal_manifest(b"the manifest", frame.binding())
    frame.trailer = sealer.seal_trailer(b"the trailer", frame.binding())
    return frame


def open_frame(frame: Frame) -> bytes:
    """Return the plaintext of *frame*; every seal is checked, the manifest's too."""
    opener = FrameOpener(KEY, TRANSFER, frame.frame_id, frame.salt)
    assert opener.open_manifest(frame.manifest, frame.binding()) == b"the manifest"
    assert opener.open_trailer(frame.trailer, frame.binding()) == b"the trailer"
    payload = bytearray()
    out = memoryview(bytearray(SLICE_BYTES))
    for index, view in enumerate(frame.slices):
        payload += out[: opener.open(index, index == len(frame.slices) - 1, view, out)]
    assert len(payload) == frame.raw_bytes
    return bytes(payload)


def eventually(condition: Callable[[], bool]) -> bool:
    """Return whether *condition* comes true in time; for what tells nobody when it does."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition() and time.monotonic() < deadline:
        pause.wait(0.005)
    return condition()


class Proxy:
    """A TCP proxy that can be cut, at once or after so many bytes, or frozen."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._closing = False
        self.cut_after_bytes: int | None = None
        self.cuts = 0
        self._counted = threading.Condition()
        self._start(self._accept)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._flowing.set()
        shut(self._listener)
        self.cut()
        for thread in self._threads:
            thread.join()
        for sock in [*self._sockets, self._listener]:
            sock.close()

    def cut(self) -> None:
        """Break every connection that there is."""
        with self._lock:
            for sock in self._sockets:
                shut(sock)

    def has_cut(self, times: int) -> bool:
        """Wait until ``cut_after_bytes`` has ended that many connections."""
        with self._counted:
            return self._counted.wait_for(lambda: self.cuts >= times, PATIENCE_S)

    def freeze(self) -> None:
        """Pass nothing on, as a stopped process or a cut cable would."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Go on."""
        self._flowing.set()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                with self._lock:
                    self._sockets.append(near)
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                self._sockets.append(far)
            if self._closing:
                self.cut()
            self._start(self._pump, near, far)
            self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        try:
            while piece := source.recv(16384):
                self._flowing.wait()
                passed += len(piece)
                if self.cut_after_bytes is not None and passed > self.cut_after_bytes:
                    with self._counted:
                        self.cuts += 1
                        self._counted.notify_all()
                    break
                sink.sendall(piece)
        except OSError:
            pass
        shut(source)
        shut(sink)
