"""
The handshake of a connection: Noise KK between two gateways that know each other's key.

Every connection adds fresh ephemeral keys from both sides (`noise`), so a recorded one cannot be replayed: the
responder trusts the initiator only after its first record, which is sealed with keys of this very connection. Who is
no peer gets no byte in return.

Each side tells the lowest and the highest version of the wire that it speaks; the highest that both speak is used.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import msgspec

from gateway.errors import RemoteWireError
from gateway.wire.link import STREAM_HEADER_BYTES, Identity, Link
from gateway.wire.noise import KEY_BYTES, TAG_BYTES, NoiseKK
from gateway.wire.records import HEAD_BYTES, Kind

if TYPE_CHECKING:
    from gateway.wire.certificates import Tls
    from gateway.wire.link import Stream

# Inclusive. Version 1 had no END record and was never released.
WIRE_VERSIONS = (2, 2)
HANDSHAKE_S = 10.0
MAGIC = b"skytf\0\0\2"  # the last byte is the handshake's own format
_CLAIM = struct.Struct(">HHBH")  # lowest and highest wire version, lane, slot
_VERSIONS = struct.Struct(">HH")
_HELLO = bytes([Kind.HELLO]) + bytes(8)
_TLS_HANDSHAKE = b"\x16\x03"


class Lane(IntEnum):
    """What a connection is for: messages, or frames in one direction (so that no frame can hold up an ack)."""

    CONTROL = 0
    FORWARD = 1  # frames from the side that dialled
    BACKWARD = 2  # frames to the side that dialled


@dataclass(frozen=True, slots=True)
class Hello:
    """Who dialled, and for what. ``slot`` numbers the connections of a lane: a new one replaces its predecessor."""

    gateway: str
    lane: Lane
    slot: int


@dataclass(frozen=True, slots=True)
class Handshake:
    """What one gateway brings to every handshake. With *tls* all of it runs inside TLS, within the same time."""

    identity: Identity
    gateway: str
    transfer_id: str = ""
    timeout_s: float = HANDSHAKE_S
    versions: tuple[int, int] = WIRE_VERSIONS
    tls: Tls | None = None

    def initiate(self, sock: socket.socket, peer: str, peer_key: bytes, lane: Lane, slot: int) -> Link:
        """
        Return the link to *peer* over the connected *sock*.

        Raises:
            RemoteWireError: The other end is not *peer*, refuses us, or speaks no version of the wire that we do.
            OSError: The connection broke, or the handshake took longer than ``timeout_s``.
        """
        me = self.gateway.encode()
        deadline = time.monotonic() + self.timeout_s
        stream = sock if self.tls is None else self.tls.dial(sock, peer, self.timeout_s)
        reader = _Reader(stream, deadline)
        noise = self._noise(self.gateway, peer, peer_key, initiator=True)
        claim = _CLAIM.pack(*self.versions, lane, slot)
        stream.sendall(MAGIC + bytes([len(me)]) + me + noise.write_first(claim))
        answer = noise.read_second(reader.exactly(KEY_BYTES + _VERSIONS.size + TAG_BYTES))
        version = self._agree(peer, *_VERSIONS.unpack(answer))
        sending, receiving = noise.split()
        link = Link(stream, sending, receiving, version)
        link.accept_header(reader.exactly(STREAM_HEADER_BYTES))
        stream.sendall(link.header + link.seal(_HELLO))
        stream.settimeout(None)
        return link

    def respond(self, sock: socket.socket, key_of: Callable[[str], bytes | None]) -> tuple[Link, Hello]:
        """
        Return the link to whoever dialled *sock*, and what they want; *key_of* knows the peers' public keys.

        Raises:
            RemoteWireError: It is no peer, or speaks no version of the wire that we do.
            OSError: The connection broke, or the handshake took longer than ``timeout_s``.
        """
        deadline = time.monotonic() + self.timeout_s
        secured = None if self.tls is None else self.tls.answer(sock, self.timeout_s)
        stream = secured or sock
        reader = _Reader(stream, deadline)
        start = reader.exactly(len(MAGIC) + 1)
        if start[:-1] != MAGIC:
            raise _stranger(start)
        name = reader.exactly(start[-1]).decode(errors="replace")
        if self.tls is not None and secured is not None:
            self.tls.check(secured, name)
        key = key_of(name)
        if key is None:
            raise RemoteWireError(f"gateway {name!r} is none of our peers")
        noise = self._noise(name, self.gateway, key, initiator=False)
        claim = noise.read_first(reader.exactly(KEY_BYTES + _CLAIM.size + TAG_BYTES))
        lowest, highest, lane, slot = _CLAIM.unpack(claim)
        answer = noise.write_second(_VERSIONS.pack(*self.versions))
        receiving, sending = noise.split()
        # Ours are told before theirs are judged, so that both sides can say what is wrong.
        link = Link(stream, sending, receiving, min(highest, self.versions[1]))
        stream.sendall(answer + link.header)
        self._agree(name, lowest, highest)
        link.accept_header(reader.exactly(STREAM_HEADER_BYTES))
        if link.open(reader.exactly(HEAD_BYTES)[4:]) != _HELLO or lane not in set(Lane):
            raise RemoteWireError(f"gateway {name!r} says something else than hello")
        stream.settimeout(None)
        return link, Hello(name, Lane(lane), slot)

    def _noise(self, initiator_id: str, responder_id: str, remote: bytes, *, initiator: bool) -> NoiseKK:
        prologue = MAGIC + msgspec.msgpack.encode((self.transfer_id, initiator_id, responder_id))
        return NoiseKK(initiator=initiator, prologue=prologue, static=self.identity.private_key, remote=remote)

    def _agree(self, peer: str, lowest: int, highest: int) -> int:
        """Return the highest version that both speak. The range came in the sealed handshake: only a peer tells it."""
        ours = self.versions
        version = min(highest, ours[1])
        if version < max(lowest, ours[0]):
            theirs = _range(lowest, highest)
            raise RemoteWireError(
                f"gateway {peer!r} speaks {theirs} of the wire, {self.gateway!r} speaks {_range(*ours)}",
                hint="deploy the same version of skytf to both gateways",
            )
        return version


def _range(lowest: int, highest: int) -> str:
    return f"version {lowest}" if lowest == highest else f"versions {lowest} to {highest}"


def _stranger(start: bytes) -> RemoteWireError:
    """Return what is wrong with a connection that begins with *start*, which is not ours."""
    if start.startswith(_TLS_HANDSHAKE):
        return RemoteWireError(
            "somebody has connected with TLS, which the links of this transfer do without",
            hint="both gateways must run programs of one plan",
        )
    if start[: len(MAGIC) - 1] == MAGIC[:-1]:
        return RemoteWireError(
            f"a gateway has connected with format {start[len(MAGIC) - 1]} of the handshake, ours is {MAGIC[-1]}",
            hint="deploy the same version of skytf to all gateways",
        )
    return RemoteWireError("somebody who is no gateway has connected")


class _Reader:
    """Reads exact lengths before one common deadline: a peer that trickles gains no time."""

    def __init__(self, stream: Stream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        stream.settimeout(max(deadline - time.monotonic(), 0.001))

    def exactly(self, size_bytes: int) -> bytes:
        buffer = bytearray()
        while len(buffer) < size_bytes:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the handshake took too long")
            self._stream.settimeout(left_s)
            received = self._stream.recv(size_bytes - len(buffer))
            if not received:
                raise RemoteWireError(
                    "the connection was closed during the handshake",
                    hint="check that both gateways were given the peers file of this transfer",
                )
            buffer += received
        return bytes(buffer)
