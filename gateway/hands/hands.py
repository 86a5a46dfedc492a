"""The other processes of a gateway, as the first one sees them: which there are, what they run, what they say."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from gateway.hands.parts import Parts, Place
from gateway.registry import load
from gateway.wire.lanes import LaneRun
from gateway.wire.link import Link
from gateway.wire.outlet import Taker
from gateway.wire.parcel import Supply

if TYPE_CHECKING:
    from gateway.hands.lent import LentReceiving, LentSending
    from gateway.hands.process import Process

# How long a hand may take to end once it is told to.
_END_S = 2.0


class Hands:
    """
    Those that run connections for the first process, which is one of the *processes* itself.

    A hand that dies is not made again: its connections are, by those that are left.
    """

    def __init__(self, processes: int) -> None:
        self.wanted = processes - 1
        self._hands: list[Process] = []
        self._lock = threading.Lock()
        self._own = Place(None)

    @property
    def running(self) -> int:
        """How many processes run connections, this one included."""
        return 1 + sum(hand.place.hand is not None for hand in self._hands)

    def start(self, parts: Parts) -> None:
        """Make the hands and listen to them. Must be called in the only thread of this process, which forks."""
        if not self.wanted:
            return
        # Most gateways have one process: these would be a twentieth of their start.
        live: Callable[[socket.socket, Parts], NoReturn] = load("gateway.hands.hand:live")
        make: type[Process] = load("gateway.hands.process:Process")
        pairs = []
        for _ in range(self.wanted):
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                live(theirs, parts)
            theirs.close()
            pairs.append((pid, ours))
        self._hands = [make(pid, sock, parts) for pid, sock in pairs]
        for hand in self._hands:
            hand.start()

    def sending(self, link: Link, exchange: Supply, taker: Taker, here: Callable[[], LaneRun]) -> LaneRun:
        """Return *link*, to be run by whichever process has the least to do; *here* makes what runs it in this one."""

        def lend(hand: Process) -> LaneRun:
            sources = [source.coordinator for source in hand.parts.sources]
            lent: type[LentSending] = load("gateway.hands.lent:LentSending")
            return lent(link, hand.begin, exchange, taker, pools=hand.parts.pools, sources=sources)

        return _Placed(self, link, here, lend)

    def receiving(self, link: Link, peer: str, here: Callable[[], LaneRun]) -> LaneRun:
        """Return *link*, on which frames of *peer* arrive, as `sending`."""

        def lend(hand: Process) -> LaneRun:
            lent: type[LentReceiving] = load("gateway.hands.lent:LentReceiving")
            return lent(link, hand.begin, peer, hand.parts.receiving)

        return _Placed(self, link, here, lend)

    def claim(self, link: Link) -> Place:
        """Return who is to run *link*, and count it there."""
        with self._lock:
            hands = [] if link.descriptor is None else [hand for hand in self._hands if hand.place.hand is not None]
            place = min((*(hand.place for hand in hands), self._own), key=lambda place: place.load)
            place.load += 1
            return place

    def leave(self, place: Place) -> None:
        """Take note that a connection has ended there."""
        with self._lock:
            place.load -= 1

    def close(self) -> None:
        """End the hands, whose connections have been broken off; those that do not hear are killed."""
        for hand in self._hands:
            hand.end()
        for hand in self._hands:
            hand.join(_END_S)


class _Placed:
    """A connection whose process is chosen when it begins to run."""

    def __init__(
        self, hands: Hands, link: Link, here: Callable[[], LaneRun], lend: Callable[[Process], LaneRun]
    ) -> None:
        self._hands = hands
        self._link = link
        self._here = here
        self._lend = lend
        self._lock = threading.Lock()
        self._run: LaneRun | None = None
        self._broken = False

    def serve(self) -> None:
        """Choose, and run it there."""
        place = self._hands.claim(self._link)
        try:
            run = self._here() if place.hand is None else self._lend(place.hand)
            with self._lock:
                self._run = run
            if self._broken:
                run.break_off()
            run.serve()
        finally:
            self._hands.leave(place)

    def break_off(self) -> None:
        """End it, wherever it runs."""
        self._broken = True
        with self._lock:
            run = self._run
        (self._link if run is None else run).break_off()
