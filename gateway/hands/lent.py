"""Connections as the first process sees them while a hand runs them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence

from gateway.delivery.draft import Draft
from gateway.errors import GatewayError, RemoteWireError
from gateway.hands.channel import Channel, Gone
from gateway.hands.notes import Acked, FrameNote, LaneNote, Read, Send, Sent, Unreadable, draft_note
from gateway.wire.frame import Frame
from gateway.wire.link import Link
from gateway.wire.outlet import Taker
from gateway.wire.parcel import Parcel, Supply
from gateway.wire.pool import Pool, Withdrawal


class Lent:
    """
    A connection that a hand runs: the socket stays open here too, to be looked at and broken off.

    *begin* tells the hand of it.
    """

    def __init__(self, link: Link, begin: Callable[[Lent], Channel]) -> None:
        self.link = link
        self._begin = begin
        self._ended = threading.Event()
        self._failure: GatewayError | None = None

    def break_off(self) -> None:
        """End it: the hand finds the socket shut."""
        self.link.break_off()

    def ended(self, failure: GatewayError | None) -> None:
        """Take note that the hand has done with it, or is no more."""
        self._failure = self._failure or failure
        self._ended.set()

    def _over(self) -> None:
        if self._failure is not None:
            raise self._failure

    def note(self, number: int) -> LaneNote:
        """Return what the hand is told of it."""
        raise NotImplementedError

    def _note(self, number: int, peer: str, *, sends: bool) -> LaneNote:
        state = self.link.state
        return LaneNote(number, peer, sends, state.version, state.sending, state.receiving)


class LentSending(Lent):
    """
    Takes frames from *exchange* one by one and has the hand send them; *sources* are the coordinators of drafts.

    What the peer has not acknowledged when the connection or the hand ends goes back to its queue.
    """

    def __init__(
        self,
        link: Link,
        begin: Callable[[Lent], Channel],
        exchange: Supply,
        taker: Taker,
        *,
        pools: Sequence[Pool],
        sources: Sequence[object],
    ) -> None:
        super().__init__(link, begin)
        self._exchange = exchange
        self._taker = taker
        self._pools = pools
        self._sources = sources
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._kept: dict[int, Parcel] = {}
        self._number = 0

    def note(self, number: int) -> LaneNote:
        """Return what the hand is told of it."""
        self._number = number
        return self._note(number, self._taker.peer, sends=True)

    def serve(self) -> None:
        """Hand over frames until the connection ends; raises what broke it."""
        try:
            channel = self._begin(self)
            while (parcel := self._exchange.take(self._taker)) is not None:
                channel.tell(self._send(parcel))
        except Gone as gone:
            self.ended(gone)
        finally:
            self.break_off()
            self._ended.wait()
            with self._lock:
                kept, self._kept = list(self._kept.values()), {}
            for parcel in kept:
                parcel.release()
            self._exchange.give_back(self._taker)
        self._over()

    def break_off(self) -> None:
        """End it."""
        self._exchange.stop(self._taker)
        self.link.break_off()

    def ended(self, failure: GatewayError | None) -> None:
        """Take note that the hand has done with it, or is no more."""
        super().ended(failure)
        self._exchange.stop(self._taker)

    def sent(self, note: Sent) -> None:
        """Take note that the hand has put a frame on the connection, or could not make it whole."""
        parcel = self._pop(note.parcel)
        if parcel is not None:
            if not note.whole:
                self._exchange.forget(self._taker, parcel)
            parcel.release()

    def acked(self, note: Acked) -> None:
        """Take note that the peer has a frame."""
        try:
            self._exchange.ack(self._taker, note.frame_id)
        except RemoteWireError as error:
            self._failure = error
            self.break_off()

    def read(self, note: Read) -> None:
        """Take note of what a draft was read as. Raises: SourceChanged, if it was something else before."""
        draft = self._draft(note.parcel)
        draft.frame_id = note.frame_id
        draft.coordinator.read(draft.work.tasks[0], note.crc64nvme)

    def unreadable(self, note: Unreadable) -> None:
        """Take note that a draft cannot be read."""
        draft = self._draft(note.parcel)
        draft.coordinator.unreadable(draft.work.tasks[0].item, note.failure.raised())

    def _send(self, parcel: Parcel) -> Send:
        number = next(self._numbers)
        with self._lock:
            self._kept[number] = parcel
        peers = self._taker.unacked[-1].queue.peers
        if isinstance(parcel, Draft):
            return Send(self._number, number, peers, draft_note(parcel, self._sources), None)
        assert isinstance(parcel, Frame)
        return Send(self._number, number, peers, None, FrameNote.of(parcel, self._pools))

    def _draft(self, number: int) -> Draft:
        with self._lock:
            parcel = self._kept.get(number)
        if not isinstance(parcel, Draft):
            raise Gone("the connection has ended")
        return parcel

    def _pop(self, number: int) -> Parcel | None:
        with self._lock:
            return self._kept.pop(number, None)


class LentReceiving(Lent):
    """A connection on which frames arrive; *pool* is asked for memory for those that are kept."""

    def __init__(self, link: Link, begin: Callable[[Lent], Channel], peer: str, pool: Pool) -> None:
        super().__init__(link, begin)
        self.peer = peer
        self.withdrawal = Withdrawal()
        self._pool = pool

    def note(self, number: int) -> LaneNote:
        """Return what the hand is told of it."""
        return self._note(number, self.peer, sends=False)

    def serve(self) -> None:
        """Wait until the connection ends; raises what broke it."""
        try:
            self._begin(self)
        except Gone as gone:
            self.ended(gone)
        self._ended.wait()
        self.break_off()
        self._over()

    def break_off(self) -> None:
        """End it, also while it waits for memory."""
        self._pool.withdraw(self.withdrawal)
        self.link.break_off()
