"""What a connection in a hand uses in place of what only the first process has."""

# ruff: noqa: ARG002 -- signatures are those of the contracts, and so is what they say
from __future__ import annotations

import contextlib
from collections.abc import Callable
from queue import SimpleQueue

from gateway.delivery.draft import Draft
from gateway.delivery.inflight import InFlight, Task
from gateway.delivery.troubles import Troubles
from gateway.errors import GatewayError
from gateway.hands.channel import Channel, Failure, Gone
from gateway.hands.notes import Acked, Loan, Read, Repay, Reserve, Send, Sent, Trouble, Unreadable, views_of
from gateway.hands.parts import Parts
from gateway.wire.frame import Releasable
from gateway.wire.outlet import Taker
from gateway.wire.parcel import Parcel
from gateway.wire.pool import OVERHEAD, Withdrawal


class RemoteSupply:
    """The frames that one connection is given to send, one by one; a `gateway.wire.outlet.Supply`."""

    def __init__(self, channel: Channel, tally: Callable[[], None], parts: Parts, lane: int) -> None:
        self._channel = channel
        self._tally = tally
        self._parts = parts
        self._lane = lane
        self._notes: SimpleQueue[Send | None] = SimpleQueue()
        self._current: Send | None = None

    def give(self, note: Send) -> None:
        """Take what is to be sent next."""
        self._notes.put(note)

    def take(self, taker: Taker) -> Parcel | None:
        self._done(whole=True)
        note = self._notes.get()
        if note is None:
            return None
        self._current = note
        taker.meter = self._parts.peers.outlet(note.peers).meter
        if note.frame is not None:
            return note.frame.frame(self._parts.pools)
        assert note.work is not None
        reported = RemoteReported(self._channel, self._lane, note.parcel)
        draft = self._parts.sources[note.work.source].source.draft(note.work.work(), reported)
        reported.draft = draft
        return draft

    def ack(self, taker: Taker, frame_id: bytes) -> None:
        self._channel.tell(Acked(self._lane, frame_id))

    def forget(self, taker: Taker, frame: Parcel) -> None:
        self._done(whole=False)

    def stop(self, taker: Taker) -> None:
        self._notes.put(None)

    def give_back(self, taker: Taker) -> None:
        """Leave that to the first process: it has them all."""

    def _done(self, *, whole: bool) -> None:
        note, self._current = self._current, None
        if note is not None:
            self._tally()
            self._channel.tell(Sent(self._lane, note.parcel, whole))


class RemoteReported:
    """Tells the first process what was read; a `gateway.delivery.reading.Reported`."""

    draft: Draft

    def __init__(self, channel: Channel, lane: int, parcel: int) -> None:
        self._channel = channel
        self._lane = lane
        self._parcel = parcel

    def read(self, task: Task, crc64nvme: int) -> None:
        self._channel.call(Read(self._lane, self._parcel, crc64nvme, self.draft.frame_id))

    def unreadable(self, item: InFlight, error: GatewayError) -> None:
        self._channel.tell(Unreadable(self._lane, self._parcel, Failure.of(error)))


class RemoteMemory:
    """Memory for what arrives on one connection, lent by the first process; a `gateway.wire.pool.Memory`."""

    def __init__(self, channel: Channel, parts: Parts, lane: int) -> None:
        self._channel = channel
        self._parts = parts
        self._lane = lane
        self.slice_bytes = parts.receiving.slice_bytes
        self.slices = parts.receiving.slices

    def reserve(self, size_bytes: int, withdrawal: Withdrawal | None = None) -> RemoteLoan:
        loan = self._channel.call(Reserve(self._lane, size_bytes), Loan)
        slices = views_of(loan.places, self._parts.pools)
        if not slices:  # more than the pool has at all, and counted there as memory of its own
            count = self._parts.receiving.slices_of(size_bytes)
            slices = [memoryview(bytearray(self.slice_bytes + OVERHEAD)) for _ in range(count)]
        return RemoteLoan(self._channel, loan.number, slices)

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Leave that to the first process, where the waiting is."""


class RemoteLoan:
    """Memory that is given back by a word."""

    def __init__(self, channel: Channel, number: int, slices: list[memoryview]) -> None:
        self._channel = channel
        self.number = number
        self.slices = slices
        self._ours = True

    def hand_on(self) -> None:
        """Leave the memory to the first process, with the frame in it."""
        self._ours = False

    def release(self) -> None:
        ours, self._ours = self._ours, False
        if ours:
            with contextlib.suppress(Gone):
                self._channel.tell(Repay(self.number))


class Then:
    """A lease that has something done when it is released."""

    def __init__(self, lease: Releasable, then: Callable[[], None]) -> None:
        self._lease = lease
        self._then = then

    def release(self) -> None:
        self._lease.release()
        self._then()


class RemoteTroubles(Troubles):
    """Errors that people look up at the first process."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def add(self, kind: str, about: str, error: str, hint: str = "") -> None:
        with contextlib.suppress(Gone):
            self._channel.tell(Trouble(kind, about, error, hint))
