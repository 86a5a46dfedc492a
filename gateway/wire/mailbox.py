"""
The messages that wait for one peer, and those it has not confirmed.

A message leaves the mailbox when the peer says that it was handled. A new connection sends the unconfirmed ones
again, so a message arrives at least once. What is for a peer that is dead waits for its return: whoever said it may
wait for the answer for minutes before it says it again (`delivery.ledger.Limits`).
"""

from __future__ import annotations

import threading
import time
from collections import deque

from gateway.errors import PeerLost, RemoteWireError, Stopped
from gateway.units import MIB

# A receipt has about 200 bytes. 4,096 of them are what a busy sink of small batches makes in a few seconds, a
# reconnection's time; the second bound is for the rare large ones (`complete` with 10,000 parts).
MOST_MESSAGES = 4096
MOST_BYTES = 16 * MIB
BATCH = 64


class Mailbox:
    """
    At most `MOST_MESSAGES` messages of `MOST_BYTES` together (and one more) for *peer*.

    ``dropped`` counts those that made room for newer ones while the peer was dead.
    """

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._unconfirmed: deque[bytes] = deque()
        self._size_bytes = 0
        self._confirmed = 0
        self._poked = False
        self._dead = False
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._unconfirmed)

    def put(self, body: bytes, timeout_s: float) -> None:
        """
        Add the encoded message *body*; waits for room, at most *timeout_s*, or takes the oldest's if the peer is dead.

        Raises:
            PeerLost: There was no room in time.
            Stopped: The mailbox is closed.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if self._closed:
                    raise Stopped(f"the connection to {self._peer} is closed")
                if self._has_room():
                    break
                if self._dead:
                    self._drop_oldest()
                    continue
                if not self._changed.wait(deadline - time.monotonic()):
                    raise PeerLost(f"gateway {self._peer} takes no messages", hint=f"{len(self)} wait for it")
            self._waiting.append(body)
            self._size_bytes += len(body)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> list[bytes]:
        """Return up to `BATCH` messages; none after *timeout_s*, a `poke`, or `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._poked or self._closed, timeout_s)
            self._poked = False
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._unconfirmed.extend(batch)
            self._changed.notify_all()
            return batch

    def poke(self) -> None:
        """Make `take` return soon."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def rewind(self) -> None:
        """Begin a new connection: what is unconfirmed is sent again, first."""
        with self._changed:
            self._waiting.extendleft(reversed(self._unconfirmed))
            self._unconfirmed.clear()
            self._confirmed = 0

    def confirm(self, handled: int) -> None:
        """
        Forget the messages that the peer has handled: *handled* of this connection so far.

        Raises:
            RemoteWireError: The peer was not sent that many.
        """
        with self._changed:
            count = handled - self._confirmed
            if not 0 <= count <= len(self._unconfirmed):
                raise RemoteWireError(f"gateway {self._peer} confirms {handled} messages, more or less than it got")
            for _ in range(count):
                self._size_bytes -= len(self._unconfirmed.popleft())
            self._confirmed = handled
            self._changed.notify_all()

    def drain(self, timeout_s: float) -> None:
        """Wait until all messages are on their way, at most *timeout_s*."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._closed, timeout_s)

    def set_dead(self, dead: bool) -> None:
        """Note that the peer is dead, which makes nobody wait for room any more, or back."""
        with self._changed:
            self._dead = dead
            self._changed.notify_all()

    def withdraw(self) -> list[bytes]:
        """Give up all messages, and return them in order: there may be another way."""
        with self._changed:
            bodies = [*self._unconfirmed, *self._waiting]
            self._unconfirmed.clear()
            self._waiting.clear()
            self._size_bytes = 0
            self._changed.notify_all()
            return bodies

    def close(self) -> None:
        """Wake up everybody; nothing goes in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self) < MOST_MESSAGES and self._size_bytes < MOST_BYTES

    def _drop_oldest(self) -> None:
        oldest = (self._unconfirmed or self._waiting).popleft()
        self._size_bytes -= len(oldest)
        self.dropped += 1
