"""A hand: what runs in another process of the gateway."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from gateway.delivery.events import COUNTERS
from gateway.errors import GatewayError
from gateway.hands.channel import Channel, Failure, Gone, Receiver
from gateway.hands.notes import Came, Crash, Ended, FrameNote, LaneNote, Said, Send, Tally
from gateway.hands.parts import Parts
from gateway.hands.proxies import RemoteLoan, RemoteMemory, RemoteSupply, RemoteTroubles, Then
from gateway.meter import clock
from gateway.operators.base import SinkOperator
from gateway.wire.frame import Frame, Message
from gateway.wire.lanes import LaneRun, ReceivingLane, SendingLane, Traffic
from gateway.wire.link import Link, LinkState
from gateway.wire.outlet import Exchange, Taker
from gateway.wire.pool import Scratch
from gateway.wire.records import encode_message

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# How often the first process hears at least what has passed, while something does: also as a sign of life of the peer.
_TALLY_S = 0.5


class Hand:
    """
    The conversation with the first process over *sock*, and the connections that are run for it.

    *parts* are the copy of the pipeline that this process was forked with; of it, the operators that write are started.
    """

    def __init__(self, sock: socket.socket, parts: Parts) -> None:
        self._parts = parts
        self._socket = sock
        self._supplies: dict[int, RemoteSupply] = {}
        self._tallied_s = 0.0
        receivers = (Receiver(LaneNote, self._take_lane), Receiver(Send, self._take_parcel))
        self.channel = Channel(sock, receivers)
        self._traffic = {peer: Traffic() for peer in parts.peers.traffic()}
        # From here on this copy of the pipeline speaks through the first process.
        parts.voice.carry, parts.voice.crash = self.carry, self.crash
        parts.events.troubles = RemoteTroubles(self.channel)

    def serve(self) -> None:
        """Run connections until the first process is gone."""
        for operator in self._parts.operators:
            if isinstance(operator, SinkOperator):
                operator.start()
        self.channel.serve()

    def carry(self, message: Message) -> None:
        """Have the first process send *message*. Raises: Gone."""
        self.tally()
        self.channel.tell(Said(encode_message(message)))

    def crash(self, thread: str, error: BaseException) -> None:
        """Tell that a thread has died."""
        with contextlib.suppress(Gone):
            self.channel.tell(Crash(thread, Failure.of(error)))

    def tally(self) -> None:
        """Tell what was counted. Raises: Gone."""
        self._tallied_s = clock()
        parts = self._parts
        counts = parts.counters.read()
        meters = (meter.read() for meter in parts.meters)
        self.channel.tell(
            Tally(
                {name: counts[name] for name in COUNTERS},
                counts["stores"],
                {peer: (one.sent_bytes, one.received_bytes) for peer, one in self._traffic.items()},
                tuple((one.chunks, one.size_bytes, one.busy_s, one.waiting_s) for one in meters),
            )
        )

    def _take_lane(self, note: LaneNote, descriptors: Sequence[int]) -> None:
        sock = socket.socket(fileno=descriptors[0])
        link = Link.resume(sock, LinkState(note.version, note.sending, note.receiving))
        traffic = self._traffic[note.peer]
        link.on_sent, link.on_received = traffic.sent, traffic.received

        def heard(_: int) -> None:
            if clock() - self._tallied_s > _TALLY_S:
                self.tally()

        run = (self._sender if note.sends else self._receiver)(note, link, heard)
        name = f"{'to' if note.sends else 'from'} {note.peer}"
        threading.Thread(target=partial(self._run, note.lane, link, run), name=name, daemon=True).start()

    def _sender(self, note: LaneNote, link: Link, heard: Callable[[int], None]) -> LaneRun:
        supply = self._supplies[note.lane] = RemoteSupply(self.channel, self.tally, self._parts, note.lane)
        scratch = Scratch.of(self._parts.receiving.slice_bytes)
        return SendingLane(link, supply, Taker(Exchange(), note.peer), scratch=scratch, heard=heard)

    def _receiver(self, note: LaneNote, link: Link, heard: Callable[[int], None]) -> LaneRun:
        return ReceivingLane(
            link,
            RemoteMemory(self.channel, self._parts, note.lane),
            opener=self._parts.take_in,
            on_frame=partial(self._arrived, note.lane),
            heard=heard,
            meter_of=self._parts.meter_of,
        )

    def _take_parcel(self, note: Send, _: Sequence[int]) -> None:
        supply = self._supplies.get(note.lane)
        if supply is not None:
            supply.give(note)

    def _run(self, lane: int, link: Link, run: LaneRun) -> None:
        failure = None
        try:
            run.serve()
        except (OSError, GatewayError) as error:
            failure = Failure.of(error)
        except Exception as error:  # noqa: BLE001 -- the last frame of a thread
            _log.exception("a connection of the gateway ends")
            failure = Failure.of(error)
            self.crash(threading.current_thread().name, error)
        link.close()
        self._supplies.pop(lane, None)
        with contextlib.suppress(Gone):
            self.tally()
            self.channel.tell(Ended(lane, failure))

    def _arrived(self, lane: int, frame: Frame) -> None:
        """
        Write *frame*, if that is ours to do, or pass it on.

        Returns when it is written: what is acknowledged here must not be lost when this process dies.
        """
        loan = frame.lease
        assert isinstance(loan, RemoteLoan)
        if self._parts.ends_here(frame.partition):
            written = threading.Event()
            frame.lease = Then(loan, written.set)
            self._parts.on_frame("", frame)
            written.wait()
        else:
            loan.hand_on()
            self.channel.call(Came(lane, loan.number, FrameNote.of(frame, self._parts.pools)))


def live(sock: socket.socket, parts: Parts) -> NoReturn:
    """Be a hand, which was just forked, to the end of the process; *sock* leads to the first process."""
    try:
        _leave_parent(sock.fileno())
        gc.freeze()
        gc.enable()
        Hand(sock, parts).serve()
    except BaseException:  # noqa: BLE001 -- the last frame of the process
        _log.exception("a process of the gateway ends")
        os._exit(1)
    os._exit(0)  # what hangs in a store call must not hold the process


def _leave_parent(keep: int) -> None:
    """End with the first process, and hold nothing that is its own: its lock, its journal, other hands' sockets."""
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 -- names are wanted, and the listing's own descriptor is gone
        if int(name) > 2 and int(name) != keep:
            with contextlib.suppress(OSError):
                os.close(int(name))
