"""One other process of the gateway, as the first one sees it: what it runs, what it says."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from gateway.errors import PeerLost, Stopped
from gateway.hands.channel import Channel, Gone, Receiver
from gateway.hands.lent import Lent, LentReceiving, LentSending
from gateway.hands.notes import (
    Acked,
    Came,
    Crash,
    Ended,
    Loan,
    Read,
    Repay,
    Reserve,
    Said,
    Sent,
    Tally,
    Trouble,
    Unreadable,
    place_of,
)
from gateway.hands.parts import Parts, Place
from gateway.wire.pool import Lease
from gateway.wire.records import decode_message


class Process:
    """One of them; ``place`` says that it lives and how many connections it runs."""

    def __init__(self, pid: int, sock: socket.socket, parts: Parts) -> None:
        self.pid = pid
        self.parts = parts
        self.place = Place(self)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._lanes: dict[int, Lent] = {}
        self._loans: dict[int, Lease] = {}
        self._tally = Tally({}, {}, {}, ())
        self._ending = False
        self._socket = sock
        self._channel = Channel(sock, self._receivers())
        self._thread = threading.Thread(target=self._listen, name=f"hand {pid}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def begin(self, lent: Lent) -> Channel:
        """Have the hand run *lent* and return the way to it. Raises: Gone."""
        number = next(self._numbers)
        with self._lock:
            if self.place.hand is None:
                raise Gone(f"process {self.pid} of this gateway has ended")
            self._lanes[number] = lent
        descriptor = lent.link.descriptor
        assert descriptor is not None  # or it would have been run here
        self._channel.tell(lent.note(number), [descriptor])
        return self._channel

    def end(self) -> None:
        """Tell it to end."""
        self._ending = True
        self._channel.hang_up()

    def join(self, timeout_s: float) -> None:
        """Wait until it is gone, after *timeout_s* with SIGKILL."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._thread.join(timeout_s)

    def _listen(self) -> None:
        try:
            self._channel.serve()
        finally:
            self._bury()

    def _bury(self) -> None:
        with self._lock:
            self.place.hand = None
            lanes, self._lanes = list(self._lanes.values()), {}
        if not self._ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # it may have said something that nobody understands
        # Its memory is ours again once nothing of it runs.
        os.waitpid(self.pid, 0)
        with self._lock:
            loans, self._loans = list(self._loans.values()), {}
        if not self._ending:
            text = f"process {self.pid} of the gateway has died; {len(lanes)} connections are made again"
            self.parts.log(text)
            self.parts.events.troubles.add("process", str(self.pid), text)
        for lane in lanes:
            lane.ended(Gone(f"process {self.pid} of this gateway has died"))
        for loan in loans:
            loan.release()
        self._socket.close()

    def _receivers(self) -> Sequence[Receiver]:
        def lane_of(note: Reserve | Came) -> int:
            return note.lane

        return (
            Receiver(Sent, lambda note, _: self._sending(note.lane, LentSending.sent, note)),
            Receiver(Acked, lambda note, _: self._sending(note.lane, LentSending.acked, note)),
            Receiver(Read, lambda note, _: self._sending(note.lane, LentSending.read, note)),
            Receiver(Unreadable, lambda note, _: self._sending(note.lane, LentSending.unreadable, note)),
            Receiver(Ended, self._ended),
            Receiver(Reserve, self._reserve, lane_of),
            Receiver(Came, self._came, lane_of),
            Receiver(Repay, self._repay),
            Receiver(Said, self._said),
            Receiver(Tally, self._count),
            Receiver(Trouble, self._trouble),
            Receiver(Crash, lambda note, _: self.parts.voice.crash(note.thread, note.failure.raised())),
        )

    def _sending(self, number: int, told: Callable[[LentSending, Any], None], note: Any) -> None:
        with self._lock:
            lane = self._lanes.get(number)
        if not isinstance(lane, LentSending):
            raise Gone("the connection has ended")
        told(lane, note)

    def _ended(self, note: Ended, _: Sequence[int]) -> None:
        with self._lock:
            lane = self._lanes.pop(note.lane, None)
        self._channel.end_line(note.lane)
        if lane is not None:
            lane.ended(None if note.failure is None else note.failure.raised())

    def _reserve(self, note: Reserve, _: Sequence[int]) -> Loan:
        with self._lock:
            lane = self._lanes.get(note.lane)
        if not isinstance(lane, LentReceiving):
            raise Stopped("the connection has ended")
        lease = self.parts.receiving.reserve(note.raw_bytes, lane.withdrawal)
        places = [place_of(view, self.parts.pools) for view in lease.slices]
        number = next(self._numbers)
        with self._lock:
            self._loans[number] = lease
        return Loan(number, tuple(place for place in places if place is not None))

    def _repay(self, note: Repay, _: Sequence[int]) -> None:
        with self._lock:
            lease = self._loans.pop(note.loan, None)
        if lease is not None:
            lease.release()

    def _came(self, note: Came, _: Sequence[int]) -> None:
        with self._lock:
            lane = self._lanes.get(note.lane)
            lease = self._loans.pop(note.loan, None)
        frame = note.frame.frame(self.parts.pools, lease)
        if not isinstance(lane, LentReceiving):
            frame.release()
            raise Stopped("the connection has ended")
        self.parts.on_frame(lane.peer, frame)

    def _trouble(self, note: Trouble, _: Sequence[int]) -> None:
        self.parts.events.troubles.add(note.kind, note.about, note.error, note.hint)

    def _said(self, note: Said, _: Sequence[int]) -> None:
        message = decode_message(note.message)
        try:
            self.parts.voice.carry(message)
        except Stopped:
            return  # nobody waits for it any more
        except PeerLost as error:
            self.parts.log(f"message {message.kind!r} to {message.to} not sent: {error}")

    def _count(self, note: Tally, _: Sequence[int]) -> None:
        """Add what is new since the last time to the counts of this process."""
        before, self._tally = self._tally, note
        counters = self.parts.counters
        for name, value in note.counters.items():
            if more := value - before.counters.get(name, 0):
                counters.add(name, more)
        for end, counts in note.stores.items():
            count, told = counters.of_store(end), before.stores.get(end, {})
            for name, value in counts.items():
                count(name, value - told.get(name, 0))
        for peer, (sent, received) in note.traffic.items():
            was_sent, was_received = before.traffic.get(peer, (0, 0))
            self.parts.peers.passed(peer, sent - was_sent, received - was_received)
        nothing = ((0, 0, 0.0, 0.0),) * len(note.meters)
        for meter, new, old in zip(self.parts.meters, note.meters, before.meters or nothing, strict=True):
            busy_s, waiting_s = new[2] - old[2], new[3] - old[3]
            meter.share().add(new[1] - old[1], busy_s=busy_s, waiting_s=waiting_s, chunks=new[0] - old[0])
