"""
The handshake of a connection: Noise KK between two gateways that know each other's key.

Every connection adds fresh ephemeral keys from both sides (`noise`), so a recorded one cannot be replayed: the
responder trusts the initiator only after its first record, which is sealed with keys of this very connection. Who is
no peer gets no byte in return.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from gateway.errors import RemoteWireError
from gateway.wire.link import STREAM_HEADER_BYTES, Identity, Link
from gateway.wire.noise import KEY_BYTES, TAG_BYTES, NoiseKK
from gateway.wire.records import HEAD_BYTES, Kind

WIRE_VERSION = 1
HANDSHAKE_S = 10.0
MAGIC = b"skytf\0\0\1"  # the last byte is the handshake's own format
_CLAIM = struct.Struct(">HBH")  # wire version, lane, slot
_VERSION = struct.Struct(">H")
_HELLO = bytes([Kind.HELLO]) + bytes(8)


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
    """What one gateway brings to every handshake."""

    identity: Identity
    gateway: str
    transfer_id: str = ""
    timeout_s: float = HANDSHAKE_S
    version: int = WIRE_VERSION

    def initiate(self, sock: socket.socket, peer: str, peer_key: bytes, lane: Lane, slot: int) -> Link:
        """
        Return the link to *peer* over the connected *sock*.

        Raises:
            RemoteWireError: The other end is not *peer*, refuses us, or speaks another version.
            OSError: The connection broke, or the handshake took longer than ``timeout_s``.
        """
        me = self.gateway.encode()
        reader = _Reader(sock, self.timeout_s)
        noise = self._noise(self.gateway, peer, peer_key, initiator=True)
        claim = _CLAIM.pack(self.version, lane, slot)
        sock.sendall(MAGIC + bytes([len(me)]) + me + noise.write_first(claim))
        answer = noise.read_second(reader.exactly(KEY_BYTES + _VERSION.size + TAG_BYTES))
        self._check_version(peer, _VERSION.unpack(answer)[0])
        sending, receiving = noise.split()
        link = Link(sock, sending, receiving)
        link.accept_header(reader.exactly(STREAM_HEADER_BYTES))
        sock.sendall(link.header + link.seal(_HELLO))
        sock.settimeout(None)
        return link

    def respond(self, sock: socket.socket, key_of: Callable[[str], bytes | None]) -> tuple[Link, Hello]:
        """
        Return the link to whoever dialled *sock*, and what they want; *key_of* knows the peers' public keys.

        Raises:
            RemoteWireError: It is no peer, or speaks another version.
            OSError: The connection broke, or the handshake took longer than ``timeout_s``.
        """
        reader = _Reader(sock, self.timeout_s)
        start = reader.exactly(len(MAGIC) + 1)
        if start[:-1] != MAGIC:
            raise RemoteWireError("somebody who is no gateway has connected")
        name = reader.exactly(start[-1]).decode(errors="replace")
        key = key_of(name)
        if key is None:
            raise RemoteWireError(f"gateway {name!r} is none of our peers")
        noise = self._noise(name, self.gateway, key, initiator=False)
        version, lane, slot = _CLAIM.unpack(noise.read_first(reader.exactly(KEY_BYTES + _CLAIM.size + TAG_BYTES)))
        answer = noise.write_second(_VERSION.pack(self.version))
        receiving, sending = noise.split()
        link = Link(sock, sending, receiving)
        sock.sendall(answer + link.header)
        self._check_version(name, version)
        link.accept_header(reader.exactly(STREAM_HEADER_BYTES))
        if link.open(reader.exactly(HEAD_BYTES)[4:]) != _HELLO or lane not in set(Lane):
            raise RemoteWireError(f"gateway {name!r} says something else than hello")
        sock.settimeout(None)
        return link, Hello(name, Lane(lane), slot)

    def _noise(self, initiator_id: str, responder_id: str, remote: bytes, *, initiator: bool) -> NoiseKK:
        prologue = MAGIC + msgspec.msgpack.encode((self.transfer_id, initiator_id, responder_id))
        return NoiseKK(initiator=initiator, prologue=prologue, static=self.identity.private_key, remote=remote)

    def _check_version(self, peer: str, version: int) -> None:
        # Told inside the sealed handshake, so that only a peer learns it, and both sides can say what is wrong.
        if version != self.version:
            raise RemoteWireError(
                f"gateway {peer!r} speaks version {version} of the wire, {self.gateway!r} speaks {self.version}",
                hint="deploy the same version of skytf to both gateways",
            )


class _Reader:
    """Reads exact lengths before one common deadline: a peer that trickles gains no time."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._socket = sock
        self._deadline = time.monotonic() + timeout_s
        sock.settimeout(timeout_s)

    def exactly(self, size_bytes: int) -> bytes:
        buffer = bytearray()
        while len(buffer) < size_bytes:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the handshake took too long")
            self._socket.settimeout(left_s)
            received = self._socket.recv(size_bytes - len(buffer))
            if not received:
                raise RemoteWireError(
                    "the connection was closed during the handshake",
                    hint="check that both gateways were given the peers file of this transfer",
                )
            buffer += received
        return bytes(buffer)
