"""
The records of a connection: their kinds, their limits, and the bytes of their bodies.

A record is a 4-byte length and a sealed body; the body's first byte says its kind. The sealed slices of a frame and its
manifest follow their records as they are, because they carry a seal of their own. `docs/wire.md` has the layout.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from gateway.errors import LocalWireError, RemoteWireError
from gateway.wire.codecs import MAX_MANIFEST_BYTES, SALT_BYTES
from gateway.wire.frame import Announced, Message

SEAL_BYTES = 17  # what the secret stream adds to a body
MIN_BODY_BYTES = 9
HEAD_BYTES = 4 + MIN_BODY_BYTES + SEAL_BYTES
# The largest message completes an object of 10,000 parts at some 60 bytes each (0.6 MiB).
MAX_MESSAGE_BYTES = 1 << 20
MAX_RECORD_BYTES = MAX_MESSAGE_BYTES + 4096
# Kind; index of the first slice (3 bytes) and how many follow (1 byte) as one number; the bytes of each.
SLICE = struct.Struct(">BII")
_MOST_SLICES = 1 << 24
_COUNT = struct.Struct(">BQ")
_WHOLE, _GIVEN_UP = 0, 1


_T = TypeVar("_T")


class Kind(IntEnum):
    """The first byte of a record's body."""

    HELLO = 0
    FRAME = 1
    SLICE = 2
    ACK = 3
    MESSAGE = 4
    PING = 5
    LANES = 6
    END = 7


@dataclass(frozen=True, slots=True)
class Ack:
    """The next hop has the frame: its buffer may be freed here. Not a receipt."""

    frame_id: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life, and how many messages of this connection were handled so far."""

    handled: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """The side that cannot dial has frames to send: open *count* connections for them."""

    count: int


_Name = Annotated[str, Meta(min_length=1, max_length=255)]


class FrameHeader(msgspec.Struct, frozen=True, array_like=True):
    """What opens a frame: enough to reserve memory for all of it."""

    frame_id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    partition: _Name
    source: _Name
    destinations: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(max_length=1024)]
    attempt: Annotated[int, Meta(ge=0)]
    raw_bytes: Annotated[int, Meta(ge=0)]
    salt: Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    manifest_bytes: Annotated[int, Meta(ge=0, le=MAX_MANIFEST_BYTES)]
    slice_count: Annotated[int, Meta(ge=0, le=_MOST_SLICES)]


class _Message(msgspec.Struct, frozen=True, array_like=True):
    to: _Name
    sender: _Name
    kind: _Name
    seal: Annotated[bytes, Meta(min_length=1, max_length=MAX_MESSAGE_BYTES)]


_encode = msgspec.msgpack.Encoder().encode
_frame_decoder = msgspec.msgpack.Decoder(FrameHeader)
_message_decoder = msgspec.msgpack.Decoder(_Message)


def encode_frame(frame: Announced, slice_count: int) -> bytes:
    """
    Return the body of the record that opens *frame*.

    Raises:
        LocalWireError: A field of *frame* is over its limit; every receiver would refuse it.
    """
    header = FrameHeader(
        frame.frame_id,
        frame.partition,
        frame.source,
        frame.destinations,
        frame.attempt,
        frame.raw_bytes,
        frame.salt,
        len(frame.manifest),
        slice_count,
    )
    return _checked(Kind.FRAME, header, _frame_decoder, f"frame {frame.frame_id.hex()}")


def encode_message(message: Message) -> bytes:
    """
    Return the body of the record that carries *message*.

    Raises:
        LocalWireError: The message is larger than `MAX_MESSAGE_BYTES`, or a name is over its limit.
    """
    record = _Message(message.to, message.sender, message.kind, message.seal)
    return _checked(Kind.MESSAGE, record, _message_decoder, f"message {message.kind!r} to {message.to!r}")


def encode_slice(index: int, size_bytes: int, run: int = 1) -> bytes:
    """Return the body before slice *index* and the *run* - 1 after it: *size_bytes* sealed bytes of each follow."""
    return SLICE.pack(Kind.SLICE, index << 8 | run, size_bytes)


def decode_slice(body: bytes) -> tuple[int, int, int]:
    """
    Return what `encode_slice` was given: index, bytes of each, and how many.

    Raises:
        RemoteWireError: The body is of another length.
    """
    if len(body) != SLICE.size:
        raise RemoteWireError(f"a slice announced with {len(body)} bytes")
    _, place, size_bytes = SLICE.unpack(body)
    return place >> 8, size_bytes, place & 255


def encode_end(trailer: bytes | None) -> bytes:
    """Return the body that ends a frame: whole, with its sealed *trailer*, or given up (None)."""
    if trailer is None:
        return bytes([Kind.END, _GIVEN_UP]) + bytes(MIN_BODY_BYTES - 2)
    return bytes([Kind.END, _WHOLE]) + trailer


def decode_end(body: bytes) -> bytes | None:
    """
    Return the sealed trailer, None if the sender gave the frame up.

    Raises:
        RemoteWireError: The frame ends in a way that nobody knows.
    """
    if body[1] not in {_WHOLE, _GIVEN_UP}:
        raise RemoteWireError(f"a frame ends with status {body[1]}")
    return body[2:] if body[1] == _WHOLE else None


def encode_ack(frame_id: bytes) -> bytes:
    """Return the body that tells the sender it may free *frame_id*."""
    return bytes([Kind.ACK]) + frame_id


def encode_ping(handled: int) -> bytes:
    """Return the body of a sign of life."""
    return _COUNT.pack(Kind.PING, handled)


def encode_lanes(count: int) -> bytes:
    """Return the body that asks the dialling side for *count* connections."""
    return _COUNT.pack(Kind.LANES, count)


def _checked(kind: Kind, record: _T, decoder: msgspec.msgpack.Decoder[_T], what: str) -> bytes:
    body = _encode(record)
    try:
        decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise LocalWireError(f"{what} cannot travel: {error}") from error
    return bytes([kind]) + body


def decode_frame(body: bytes) -> FrameHeader:
    """
    Return the header that `encode_frame` wrote.

    Raises:
        RemoteWireError: A field is missing, of another type, or over its limit.
    """
    return _decoded(_frame_decoder, body)


def decode_message(body: bytes) -> Message:
    """
    Return the message that `encode_message` wrote.

    Raises:
        RemoteWireError: A field is missing, of another type, or over its limit.
    """
    record = _decoded(_message_decoder, body)
    return Message(record.to, record.sender, record.kind, record.seal)


def decode_ack(body: bytes) -> Ack:
    """
    Return the acknowledgement that `encode_ack` wrote.

    Raises:
        RemoteWireError: The body is of another length.
    """
    if len(body) != 17:
        raise RemoteWireError("an acknowledgement names no frame")
    return Ack(body[1:])


def decode_count(body: bytes) -> int:
    """
    Return the number in the body of a ping or a request for lanes.

    Raises:
        RemoteWireError: The body is of another length.
    """
    if len(body) != _COUNT.size:
        raise RemoteWireError(f"a count of {len(body)} bytes")
    count: int = _COUNT.unpack(body)[1]
    return count


def _decoded(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(memoryview(body)[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RemoteWireError(f"not a record: {error}", hint="check that both gateways run the same version") from error
