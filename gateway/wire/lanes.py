"""
The three kinds of connections between two gateways, each run by the thread that opened it.

A frame lane carries frames in one direction and acknowledgements in the other: whoever reads acknowledgements never
waits for anything else, so frames that pass a relay in opposite directions cannot block each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import GatewayError
from gateway.meter import Meter, Share, clock
from gateway.wire.decoder import FrameLimits, RecordDecoder
from gateway.wire.frame import Frame, Message
from gateway.wire.intake import Arrived, Intake, Opener, keep
from gateway.wire.link import Link
from gateway.wire.mailbox import Mailbox
from gateway.wire.outlet import Taker
from gateway.wire.parcel import Supply
from gateway.wire.pool import Memory, Scratch, Withdrawal
from gateway.wire.records import Ack, FrameHeader, Kind, Lanes, Ping, encode_ack, encode_lanes, encode_ping
from gateway.wire.writer import LinkWriter

# How many handled messages a receiver keeps to itself: bounds what a sender must remember.
CONFIRM_EVERY = 32


class Traffic:
    """Bytes over all connections with one peer: frames, acknowledgements, messages, signs of life."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent_bytes = 0
        self.received_bytes = 0

    def sent(self, n: int) -> None:
        """Count *n* sent bytes."""
        with self._lock:
            self.sent_bytes += n

    def received(self, n: int) -> None:
        """Count *n* received bytes."""
        with self._lock:
            self.received_bytes += n


class LaneRun(Protocol):
    """One connection at work."""

    def serve(self) -> None:
        """Run until the connection ends; raises what broke it."""

    def break_off(self) -> None:
        """End it from another thread."""


class Hands(Protocol):
    """Other processes of this gateway, which run connections that carry frames (`gateway.hands`)."""

    def sending(self, link: Link, exchange: Supply, taker: Taker, here: Callable[[], LaneRun]) -> LaneRun:
        """Return *link*, to be run by one of them, or by this process, which *here* makes ready for it."""

    def receiving(self, link: Link, peer: str, here: Callable[[], LaneRun]) -> LaneRun:
        """Return *link*, on which frames of *peer* arrive, as `sending`."""


class SendingLane:
    """Sends frames for *taker*'s peer; a second thread reads the acknowledgements."""

    def __init__(
        self, link: Link, exchange: Supply, taker: Taker, *, scratch: Scratch, heard: Callable[[int], None]
    ) -> None:
        self._link = link
        self._scratch = scratch
        self._exchange = exchange
        self._taker = taker
        self._heard = heard
        self.failure: OSError | GatewayError | None = None

    def serve(self) -> None:
        """Run until the connection ends; what is unacknowledged then goes back to its queue."""
        reader = threading.Thread(target=self._read_acks, name=f"acks from {self._taker.peer}", daemon=True)
        reader.start()
        try:
            writer = LinkWriter(self._link, self._scratch)
            done = clock()
            while (parcel := self._exchange.take(self._taker)) is not None:
                before_s = writer.sending_s
                try:
                    if not parcel.send(writer):
                        self._exchange.forget(self._taker, parcel)
                        writer.give_up()
                finally:
                    parcel.release()
                began, done, busy_s = done, clock(), writer.sending_s - before_s
                self._taker.meter.share().add(parcel.raw_bytes, busy_s=busy_s, waiting_s=done - began - busy_s)
        finally:
            self.break_off()
            reader.join()
            # Only now is nobody left who could touch these frames.
            self._exchange.give_back(self._taker)
        _raise(self)

    def break_off(self) -> None:
        """End it from another thread."""
        self._exchange.stop(self._taker)
        self._link.break_off()

    def _read_acks(self) -> None:
        decoder = RecordDecoder(self._link.open, frozenset({Kind.ACK}))
        try:
            for event in self._link.receive(decoder, self._heard):
                assert isinstance(event, Ack)
                self._exchange.ack(self._taker, event.frame_id)
        except (OSError, GatewayError) as error:
            self.failure = error.with_traceback(None)  # which holds all of the lane
        finally:
            self.break_off()
            decoder.abandon()


class ReceivingLane:
    """
    Has frames taken in, by *opener* or sealed into memory of *pool*, and acknowledges each that was handed on.

    *meter_of* knows who counts the frames of a partition.
    """

    def __init__(
        self,
        link: Link,
        pool: Memory,
        *,
        opener: Opener,
        on_frame: Callable[[Frame], None],
        meter_of: Callable[[str], Meter],
        heard: Callable[[int], None],
    ) -> None:
        self._link = link
        self._pool = pool
        self._meter_of = meter_of
        self._withdrawal = Withdrawal()
        self._scratch = Scratch.of(pool.slice_bytes)
        self._opener = opener
        self._on_frame = on_frame
        self._heard = heard
        self._share, self._frame_bytes = Share(), 0
        limits = FrameLimits(self._begin, pool.slice_bytes, pool.slices * pool.slice_bytes)
        self._decoder = RecordDecoder(link.open, frozenset({Kind.FRAME, Kind.SLICE, Kind.END}), limits)

    def serve(self) -> None:
        """Run until the connection ends; a frame of which only a part has come is forgotten."""
        done, before_s = clock(), 0.0
        try:
            for event in self._link.receive(self._decoder, self._heard):
                assert isinstance(event, Arrived)
                try:
                    event.intake.finish(event.trailer)
                finally:
                    event.intake.abandon()
                self._link.send(self._link.seal(encode_ack(event.frame_id)))
                waiting_s = self._link.waited_s - before_s + event.intake.elsewhere_s
                began, done, before_s = done, clock(), self._link.waited_s
                self._share.add(self._frame_bytes, busy_s=done - began - waiting_s, waiting_s=waiting_s)
        finally:
            self.break_off()
            self._decoder.abandon()

    def break_off(self) -> None:
        """End it from another thread, also while it waits for memory."""
        self._pool.withdraw(self._withdrawal)
        self._link.break_off()

    def _begin(self, header: FrameHeader, manifest: bytes) -> Intake:
        self._share, self._frame_bytes = self._meter_of(header.partition).share(), header.raw_bytes
        intake = self._opener(header, manifest, self._scratch)
        return intake or keep(self._pool, self._withdrawal, self._on_frame, header, manifest)


@dataclass(frozen=True, slots=True)
class ControlCalls:
    """What a control lane tells its owner, and asks it."""

    on_message: Callable[[Message], None]
    on_lanes: Callable[[int], None]
    lanes_wanted: Callable[[], int]
    heard: Callable[[int], None]


class ControlLane:
    """Carries messages both ways and a sign of life every *heartbeat_s*; a second thread reads."""

    def __init__(self, link: Link, mailbox: Mailbox, heartbeat_s: float, calls: ControlCalls) -> None:
        self._link = link
        self._mailbox = mailbox
        self._heartbeat_s = heartbeat_s
        self._calls = calls
        self._handled = 0
        self._told = 0
        self._over = False
        self.failure: OSError | GatewayError | None = None

    def serve(self) -> None:
        """Run until the connection ends; what is unconfirmed then is sent again by the next one."""
        self._mailbox.rewind()
        reader = threading.Thread(target=self._read, name="control reader", daemon=True)
        reader.start()
        try:
            self._write()
        finally:
            self.break_off()
            reader.join()
        _raise(self)

    def break_off(self) -> None:
        """End it from another thread."""
        self._over = True
        self._link.break_off()
        self._mailbox.poke()

    def _write(self) -> None:
        wanted = 0
        next_ping_s = time.monotonic()
        while not self._over:
            bodies = self._mailbox.take(max(0.0, next_ping_s - time.monotonic()))
            if self._calls.lanes_wanted() != wanted:
                wanted = self._calls.lanes_wanted()
                bodies.append(encode_lanes(wanted))
            if self._handled - self._told >= CONFIRM_EVERY or time.monotonic() >= next_ping_s:
                self._told = self._handled
                bodies.append(encode_ping(self._told))
                next_ping_s = time.monotonic() + self._heartbeat_s
            if bodies:
                self._link.send(*[self._link.seal(body) for body in bodies])

    def _read(self) -> None:
        decoder = RecordDecoder(self._link.open, frozenset({Kind.MESSAGE, Kind.PING, Kind.LANES}))
        try:
            for event in self._link.receive(decoder, self._calls.heard):
                if isinstance(event, Message):
                    self._calls.on_message(event)
                    self._handled += 1
                    if self._handled - self._told >= CONFIRM_EVERY:
                        self._mailbox.poke()
                elif isinstance(event, Ping):
                    self._mailbox.confirm(event.handled)
                elif isinstance(event, Lanes):
                    self._calls.on_lanes(event.count)
        except (OSError, GatewayError) as error:
            self.failure = error.with_traceback(None)  # which holds all of the lane
        finally:
            self.break_off()
            decoder.abandon()


def _raise(lane: SendingLane | ControlLane) -> None:
    """Raise what the thread that reads for *lane* has met, which must not stay there."""
    failure, lane.failure = lane.failure, None
    try:
        if failure is not None:
            raise failure
    finally:
        del failure
