"""
A frame that is made while it is sent.

The thread of a connection reads, digests, compresses, seals and sends slice after slice, each while it is still in the
cache of its core; nothing of the frame is kept. So it takes no memory of a pool, and is read again where it has to be
sent again.
"""

from __future__ import annotations

import os

from gateway.delivery.inflight import Work
from gateway.delivery.payload import Sealing, SliceSealer
from gateway.delivery.reading import PieceReader, Reported, UnreadableError
from gateway.delivery.runtime import Runtime
from gateway.errors import GatewayError
from gateway.meter import Meter, clock
from gateway.wire.frame import FrameWriter, binding, encode_manifest, encode_trailer


class Draft:
    """*work*, which is one piece, as a `gateway.wire.outlet.Parcel`."""

    def __init__(
        self,
        runtime: Runtime,
        sealing: Sealing,
        reader: PieceReader,
        coordinator: Reported,
        work: Work,
        *,
        meter: Meter,
    ) -> None:
        self._runtime = runtime
        self._meter = meter
        self._sealing = sealing
        self._reader = reader
        self.coordinator = coordinator
        self.work = work
        (self._task,) = work.tasks
        self.partition = work.partition
        self.source = runtime.gateway
        self.destinations = work.destinations
        self.attempt = work.attempt + 1
        self.raw_bytes = work.size_bytes
        self.frame_id = os.urandom(16)
        self.salt = os.urandom(32)
        self.manifest = b""

    @property
    def wire_bytes(self) -> int:
        """What it is before compression."""
        return self.raw_bytes

    def send(self, out: FrameWriter) -> bool:
        """
        Read and send the piece, under a new id and key each time; return False if it cannot be read.

        Raises:
            OSError: The connection broke; the draft can be sent on another.
            Stopped: The gateway stops.
        """
        began, before_s, before_bytes = clock(), out.sending_s, out.sealed_bytes
        try:
            self._send(out)
        except UnreadableError as failure:
            self.coordinator.unreadable(failure.task.item, failure.cause)
            return False
        except (OSError, GatewayError):
            raise
        except Exception as error:  # noqa: BLE001 -- told as by `workers.Workers`, not sent again and again in silence
            self._runtime.on_crash("draft", error)
            return False
        self._runtime.counters.add("bytes_read", self.raw_bytes)
        self._runtime.counters.add("bytes_sealed", out.sealed_bytes - before_bytes)
        # What the connection waits for the peer, reading waits too: it is the same thread.
        sending_s = out.sending_s - before_s
        self._meter.share().add(self.raw_bytes, busy_s=clock() - began - sending_s, waiting_s=sending_s)
        return True

    def retain(self) -> Draft:
        """Return the draft, which holds no memory."""
        return self

    def again(self) -> Draft:
        """Return another draft of the same work: each is a frame of its own."""
        return Draft(self._runtime, self._sealing, self._reader, self.coordinator, self.work, meter=self._meter)

    def release(self) -> None:
        """Do nothing: a draft holds no memory."""

    def _send(self, out: FrameWriter) -> None:
        piece, expected_crc = self._reader.describe(self._task)
        self.frame_id = os.urandom(16)
        sealer = self._sealing.sealer(self.frame_id)
        self.salt = sealer.salt
        bound = binding(self.partition, self.source, self.destinations, self.attempt, self.raw_bytes)
        self.manifest = sealer.seal_manifest(encode_manifest((piece,)), bound)
        settings, sealed = self._runtime.settings, out.scratch.sealed
        slices = SliceSealer(
            sealer,
            out.scratch.plain,
            raw_bytes=self.raw_bytes,
            compressor=self._sealing.compressor,
            place=lambda _: sealed,
            sealed=out.slice,
        )
        out.begin(self, -(-self.raw_bytes // settings.slice_bytes))
        crc = self._reader.read(self._task, expected_crc, slices)
        out.end(sealer.seal_trailer(encode_trailer((crc,)), bound))
