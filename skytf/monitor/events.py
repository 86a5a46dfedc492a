"""What a gateway tells of its own accord, one type per kind of event."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class _Event(msgspec.Struct, frozen=True, tag_field="kind"):
    """``seq`` counts up by one from 1, on each gateway for itself."""

    seq: int


class Mark(_Event, frozen=True, tag="mark"):
    """
    How far a shard has come for one destination.

    Every entry up to and including the one with key ``watermark`` is settled, so are the keys in ``beyond`` (those
    settled since the last mark). ``objects``, ``bytes``, ``skipped`` and ``compared`` (objects whose store reported the
    right digest) count since the last mark; ``partial_bytes`` is what the destination has of objects not complete yet.
    """

    shard_id: str
    destination: int
    watermark: str | None
    beyond: tuple[str, ...]
    objects: int
    bytes: int
    skipped: int
    compared: int = 0
    partial_bytes: int = 0


class Failed(_Event, frozen=True, tag="failed"):
    """One object will not arrive at one destination; ``code`` is the name of the gateway's error class."""

    shard_id: str
    destination: int
    key: str
    error: str
    hint: str = ""
    code: str = ""


class ShardDone(_Event, frozen=True, tag="shard_done"):
    """Every entry of a shard is settled for each of its destinations."""

    shard_id: str


class Opened(_Event, frozen=True, tag="opened"):
    """A multipart upload (or temporary file) exists at a destination from now on; ``key`` is the destination's."""

    shard_id: str
    destination: int
    key: str
    token: str


class Closed(_Event, frozen=True, tag="closed"):
    """That upload is completed or aborted."""

    destination: int
    key: str
    token: str


class PeerChanged(_Event, frozen=True, tag="peer"):
    """The link with another gateway came up or went down."""

    gateway: str
    up: bool


class OperatorTotals(msgspec.Struct, frozen=True):
    """What one operator of a gateway's program has done; ``step`` is its place in its group, 0 the head."""

    partition: str
    step: int
    op: str
    to: tuple[str, ...] = ()
    chunks: int = 0
    bytes: int = 0
    busy_s: float = 0.0
    waiting_s: float = 0.0


class Totals(msgspec.Struct, frozen=True):
    """
    What a gateway has counted since it started.

    ``bytes_read`` and ``bytes_written`` are of objects; ``bytes_sent`` and ``bytes_received`` went over all links, and
    ``sent_to`` and ``received_from`` are the same by peer. ``stores`` maps the end of a job (``<job id>-source``,
    ``<job id>-destination-<n>``; the job is the first one of a program's group) to operation → requests, and to
    ``read_bytes`` and ``written_bytes``. ``operators`` comes only where it is asked for, and at the end.
    """

    bytes_read: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    bytes_written: int = 0
    frames_resent: int = 0
    sent_to: dict[str, int] = {}
    received_from: dict[str, int] = {}
    stores: dict[str, dict[str, int]] = {}
    operators: tuple[OperatorTotals, ...] = ()


class Counters(Totals, frozen=True, tag_field="kind", tag="counters"):
    """The totals have changed; at most four times a second."""

    seq: int = 0


class Fatal(_Event, frozen=True, tag="fatal"):
    """The gateway cannot go on."""

    error: str
    hint: str = ""


Event: TypeAlias = Mark | Failed | ShardDone | Opened | Closed | PeerChanged | Counters | Fatal


def decode(line: bytes) -> Event:
    """
    Return the event that *line* (one JSON object) holds.

    Raises:
        ValueError: It is none that we know.
    """
    return _DECODER.decode(line)


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
