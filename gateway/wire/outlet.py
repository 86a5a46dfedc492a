"""
The queues between those who make frames and the connections that send them.

Every connection to a peer competes for the frames of all queues that name the peer: a faster connection, or a faster
peer, takes more of them. What a slow one has taken is sent once more by another that has nothing to do (`rescue`):
whichever arrives first counts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import RemoteWireError, Stopped
from gateway.meter import Meter
from gateway.wire.parcel import QUEUE_BYTES, QUEUE_FRAMES, Pace, Parcel, fits_window
from gateway.wire.records import encode_frame


class FrameQueue:
    """
    Frames for a set of peers, any of which will do; `Peers.outlet` makes it.

    ``meter`` counts what the connections do for it. Holds at most `QUEUE_FRAMES`, one of them over `QUEUE_BYTES`, and
    what broken connections have brought back (`WINDOW_MOST_FRAMES` each).
    """

    def __init__(self, exchange: Exchange, peers: tuple[str, ...]) -> None:
        self._exchange = exchange
        self.peers = peers
        self.frames: deque[Parcel] = deque()
        # Each with the connection that is late with it, which must not take it again.
        self.rescued: deque[tuple[Taker, Parcel]] = deque()
        self.pace = Pace()
        self.meter = Meter()
        self.space = exchange.condition()

    def is_full(self) -> bool:
        """Whether another frame has to wait."""
        return len(self.frames) >= QUEUE_FRAMES or sum(one.wire_bytes for one in self.frames) >= QUEUE_BYTES

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


@dataclass(slots=True, eq=False)
class UnderWay:
    """A frame that a connection has and its peer has not acknowledged."""

    queue: FrameQueue
    parcel: Parcel
    since_s: float
    rescued: bool = False


class Taker:
    """
    One connection's claim to frames for *peer*: what it has under way, and where it waits for more.

    ``meter`` is that of the queue that the last frame came from.
    """

    def __init__(self, exchange: Exchange, peer: str) -> None:
        self.peer = peer
        self.ready = exchange.condition()
        self.unacked: deque[UnderWay] = deque()
        self.unacked_bytes = 0
        self.stopped = False
        self.meter = Meter()

    def has_room(self) -> bool:
        """Whether another frame may be under way."""
        return fits_window(len(self.unacked), self.unacked_bytes)


class Exchange:
    """All frame queues of one gateway. One lock: frames are large, and there are few of them per second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[frozenset[str], FrameQueue] = {}
        self._of_peer: dict[str, deque[FrameQueue]] = {}
        self._idle: dict[str, dict[Taker, None]] = {}
        self._takers: set[Taker] = set()
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
            while not self._closed and not self._is_dead(queue) and queue.is_full():
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
            self._takers.add(taker)
            try:
                while not self._closed and not taker.stopped:
                    found = self._next(taker) if taker.has_room() else None
                    if found is not None:
                        return self._hand_over(*found, taker)
                    if taker.has_room():
                        idle[taker] = None
                    taker.ready.wait()
            finally:
                idle.pop(taker, None)
            # The wake-up may have been for a frame: pass it on.
            for queue in self._of_peer.get(taker.peer, ()):
                if queue.frames or queue.rescued:
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
                if entry.parcel.frame_id == frame_id:
                    break
            else:
                raise RemoteWireError(f"{taker.peer} acknowledges frame {frame_id.hex()}, which it was not sent")
            taker.unacked.remove(entry)
            taker.unacked_bytes -= entry.parcel.wire_bytes
            entry.queue.pace.took(entry.since_s, time.monotonic())
            taker.ready.notify()
        entry.parcel.release()

    def rescue(self, now_s: float) -> None:
        """
        Have what is late at *now_s* (`time.monotonic`) sent once more, where a connection has nothing else to do.

        Late is relative to what the last frames of the queue took, so that a slow sink does not get everything twice.
        """
        with self._lock:
            under_way = [(entry, taker) for taker in self._takers for entry in taker.unacked]
            for entry, taker in sorted(under_way, key=lambda one: one[0].since_s):
                queue = entry.queue
                if entry.rescued or queue.frames or not queue.pace.is_late(entry.since_s, now_s):
                    continue
                if self._sleeper(queue, taker) is not None:
                    entry.rescued = True
                    queue.rescued.append((taker, entry.parcel.again()))
                    self.resent += 1
                    self._wake(queue, taker)

    def forget(self, taker: Taker, frame: Parcel) -> None:
        """Expect no acknowledgement of *frame*, which did not become whole."""
        with self._lock:
            entry = next((entry for entry in taker.unacked if entry.parcel is frame), None)
            if entry is None:
                return  # a peer that breaks the rules has acknowledged it already
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
            self._takers.discard(taker)
            while taker.unacked:
                entry = taker.unacked.pop()
                queue, frame = entry.queue, entry.parcel
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
            dropped.extend(parcel for _, parcel in queue.rescued)
            queue.frames.clear()
            queue.rescued.clear()
            queue.space.notify_all()
        self.dropped += len(dropped)
        return dropped

    def _is_dead(self, queue: FrameQueue) -> bool:
        return self._dead.issuperset(queue.peers)

    def _next(self, taker: Taker) -> tuple[FrameQueue, Parcel] | None:
        queues = self._of_peer.get(taker.peer, deque())
        for _ in range(len(queues)):
            queues.rotate(-1)  # in turn, so that no queue starves another
            if queues[-1].frames:
                return queues[-1], queues[-1].frames.popleft()
        for queue in queues:
            for late in queue.rescued:
                if late[0] is not taker:
                    queue.rescued.remove(late)
                    return queue, late[1]
        return None

    @staticmethod
    def _hand_over(queue: FrameQueue, frame: Parcel, taker: Taker) -> Parcel:
        queue.space.notify()
        taker.meter = queue.meter
        taker.unacked.append(UnderWay(queue, frame, time.monotonic()))
        taker.unacked_bytes += frame.wire_bytes
        # The peer may acknowledge before the last byte is sent; the memory must outlive the sending.
        return frame.retain()

    def _wake(self, queue: FrameQueue, but: Taker | None = None) -> None:
        # One sleeper of one peer is enough; those who are busy look into the queues before they sleep.
        taker = self._sleeper(queue, but)
        if taker is not None:
            del self._idle[taker.peer][taker]
            taker.ready.notify()

    def _sleeper(self, queue: FrameQueue, but: Taker | None) -> Taker | None:
        idle = (taker for peer in queue.peers for taker in self._idle.get(peer, ()))
        return next((taker for taker in idle if taker is not but), None)


def _release(frames: Iterable[Parcel]) -> None:
    for frame in frames:
        frame.release()
