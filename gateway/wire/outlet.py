"""
The queues between those who make frames and the connections that send them.

Every connection to a peer competes for the frames of all queues that name the peer: a faster connection, or a faster
peer, takes more of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from gateway.errors import RemoteWireError, Stopped
from gateway.units import MIB
from gateway.wire.frame import Announced, FrameWriter
from gateway.wire.records import encode_frame

# Frames hold pool memory already; a deep queue would only commit more of it to one branch.
QUEUE_FRAMES = 8
# One frame on its way while the previous one waits for its acknowledgement keeps a connection busy. More would let a
# slow connection sit on frames that a fast one could send.
WINDOW_FRAMES = 2
# Small frames need more of them under way: 8 MiB fill 430 Mbit/s at 150 ms RTT, about what one connection gets.
WINDOW_BYTES = 8 * MIB
WINDOW_MOST_FRAMES = 64


class Parcel(Announced, Protocol):
    """
    What a connection sends: a `gateway.wire.frame.Frame`, or a draft that becomes one while it is sent.

    ``frame_id`` is that of the last `send`; ``wire_bytes`` is about what it takes of a window.
    """

    @property
    def wire_bytes(self) -> int: ...

    def send(self, out: FrameWriter) -> bool:
        """Put all of it on a connection; return False, in the middle of it perhaps, if it cannot become whole."""

    def retain(self) -> Parcel:
        """Take a reference and return the parcel."""

    def release(self) -> None:
        """Drop a reference."""


class FrameQueue:
    """
    Frames for a set of peers, any of which will do; `Peers.outlet` makes it.

    Holds at most `QUEUE_FRAMES`, and those that broken connections have brought back (`WINDOW_MOST_FRAMES` each).
    """

    def __init__(self, exchange: Exchange, peers: tuple[str, ...]) -> None:
        self._exchange = exchange
        self.peers = peers
        self.frames: deque[Parcel] = deque()
        self.space = exchange.condition()

    def put(self, frame: Parcel) -> None:
        """
        Hand over *frame* and the caller's reference to it; blocks while the queue is full.

        While every peer of the queue is dead the frame is dropped: its coordinator sends it again, another way.

        Raises:
            Stopped: The peers were closed; the reference stays with the caller.
            LocalWireError: The frame's header is over a limit of the wire; the reference stays with the caller.
        """
        encode_frame(frame, 0)
        self._exchange.put(self, frame)


class Taker:
    """One connection's claim to frames for *peer*: what it has under way, and where it waits for more."""

    def __init__(self, exchange: Exchange, peer: str) -> None:
        self.peer = peer
        self.ready = exchange.condition()
        self.unacked: deque[tuple[FrameQueue, Parcel]] = deque()
        self.unacked_bytes = 0
        self.stopped = False

    def has_room(self) -> bool:
        """Whether another frame may be under way."""
        count = len(self.unacked)
        return count < WINDOW_FRAMES or (count < WINDOW_MOST_FRAMES and self.unacked_bytes < WINDOW_BYTES)


class Exchange:
    """All frame queues of one gateway. One lock: frames are large, and there are few of them per second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[frozenset[str], FrameQueue] = {}
        self._of_peer: dict[str, deque[FrameQueue]] = {}
        self._idle: dict[str, dict[Taker, None]] = {}
        self._dead: set[str] = set()
        self._closed = False
        self.dropped = 0
        self.resent = 0

    def condition(self) -> threading.Condition:
        """Return a condition on the exchange's lock."""
        return threading.Condition(self._lock)

    def queue(self, peers: Iterable[str]) -> FrameQueue:
        """Return the queue of exactly these *peers*."""
        names = frozenset(peers)
        with self._lock:
            if names not in self._queues:
                queue = self._queues[names] = FrameQueue(self, tuple(sorted(names)))
                for peer in names:
                    self._of_peer.setdefault(peer, deque()).append(queue)
            return self._queues[names]

    def serves(self, peer: str) -> bool:
        """Whether some queue names *peer*."""
        with self._lock:
            return peer in self._of_peer

    def put(self, queue: FrameQueue, frame: Parcel) -> None:
        """Add *frame* to *queue*; `FrameQueue.put` says how."""
        with self._lock:
            while not self._closed and not self._is_dead(queue) and len(queue.frames) >= QUEUE_FRAMES:
                queue.space.wait()
            if self._closed:
                raise Stopped("the connections to the peers are closed")
            dropped = self._is_dead(queue)
            if dropped:
                self.dropped += 1
            else:
                queue.frames.append(frame)
                self._wake(queue)
        if dropped:
            frame.release()

    def take(self, taker: Taker) -> Parcel | None:
        """
        Return the next frame for *taker*, with a reference of its own; None when the taker or the exchange is stopped.

        Waits for a frame, and for room in the taker's window.
        """
        with self._lock:
            idle = self._idle.setdefault(taker.peer, {})
            try:
                while not self._closed and not taker.stopped:
                    queue = self._next_queue(taker.peer) if taker.has_room() else None
                    if queue is not None:
                        return self._hand_over(queue, taker)
                    if taker.has_room():
                        idle[taker] = None
                    taker.ready.wait()
            finally:
                idle.pop(taker, None)
            # The wake-up may have been for a frame: pass it on.
            for queue in self._of_peer.get(taker.peer, ()):
                if queue.frames:
                    self._wake(queue)
        return None

    def ack(self, taker: Taker, frame_id: bytes) -> None:
        """
        Release the frame that *taker*'s peer now has.

        Raises:
            RemoteWireError: The peer was not sent such a frame.
        """
        with self._lock:
            for entry in taker.unacked:
                if entry[1].frame_id == frame_id:
                    break
            else:
                raise RemoteWireError(f"{taker.peer} acknowledges frame {frame_id.hex()}, which it was not sent")
            taker.unacked.remove(entry)
            taker.unacked_bytes -= entry[1].wire_bytes
            taker.ready.notify()
        entry[1].release()

    def forget(self, taker: Taker, frame: Parcel) -> None:
        """Expect no acknowledgement of *frame*, which did not become whole."""
        with self._lock:
            entry = next(entry for entry in taker.unacked if entry[1] is frame)
            taker.unacked.remove(entry)
            taker.unacked_bytes -= frame.wire_bytes
        frame.release()

    def stop(self, taker: Taker) -> None:
        """Make `take` return None for *taker*; its connection is broken."""
        with self._lock:
            taker.stopped = True
            taker.ready.notify()

    def give_back(self, taker: Taker) -> None:
        """Put what *taker*'s peer has not acknowledged back to the front of its queues, in order."""
        with self._lock:
            dropped = []
            while taker.unacked:
                queue, frame = taker.unacked.pop()
                if self._closed or self._is_dead(queue):
                    dropped.append(frame)
                else:
                    queue.frames.appendleft(frame)
                    self.resent += 1
                    self._wake(queue)
            self.dropped += len(dropped)
        _release(dropped)

    def set_dead(self, peer: str, dead: bool) -> None:
        """Note that *peer* is dead, or back. Queues whose peers are all dead are emptied."""
        with self._lock:
            (self._dead.add if dead else self._dead.discard)(peer)
            dropped = self._empty(queue for queue in self._of_peer.get(peer, ()) if self._is_dead(queue))
        _release(dropped)

    def close(self) -> None:
        """Wake up everybody, and release what waits in the queues."""
        with self._lock:
            self._closed = True
            dropped = self._empty(self._queues.values())
            for takers in self._idle.values():
                for taker in takers:
                    taker.ready.notify()
        _release(dropped)

    def _empty(self, queues: Iterable[FrameQueue]) -> list[Parcel]:
        dropped: list[Parcel] = []
        for queue in queues:
            dropped.extend(queue.frames)
            queue.frames.clear()
            queue.space.notify_all()
        self.dropped += len(dropped)
        return dropped

    def _is_dead(self, queue: FrameQueue) -> bool:
        return self._dead.issuperset(queue.peers)

    def _next_queue(self, peer: str) -> FrameQueue | None:
        queues = self._of_peer.get(peer, deque())
        for _ in range(len(queues)):
            queues.rotate(-1)  # in turn, so that no queue starves another
            if queues[-1].frames:
                return queues[-1]
        return None

    @staticmethod
    def _hand_over(queue: FrameQueue, taker: Taker) -> Parcel:
        frame = queue.frames.popleft()
        queue.space.notify()
        taker.unacked.append((queue, frame))
        taker.unacked_bytes += frame.wire_bytes
        # The peer may acknowledge before the last byte is sent; the memory must outlive the sending.
        return frame.retain()

    def _wake(self, queue: FrameQueue) -> None:
        # One sleeper of one peer is enough; those who are busy look into the queues before they sleep.
        for peer in queue.peers:
            idle = self._idle.get(peer)
            if idle:
                taker = next(iter(idle))
                del idle[taker]
                taker.ready.notify()
                return


def _release(frames: Iterable[Parcel]) -> None:
    for frame in frames:
        frame.release()
