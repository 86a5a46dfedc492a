"""
A second implementation of the wire, written after docs/wire.md alone: it imports nothing of gateway.

It is slow and believes its peer. What it is for: a page that says too little, or something else than the gateway does,
makes `test_second_implementation` fail; and a test can play a peer that holds a key and breaks the rules.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any

import lz4.block
import msgpack
import zstandard
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl import bindings as sodium

MAGIC = bytes.fromhex("736b797466000002")
CONTROL, FORWARD, BACKWARD = 0, 1, 2
HELLO, FRAME, SLICE, ACK, MESSAGE, PING, LANES, END = range(8)
MANIFEST_INDEX, TRAILER_INDEX = 2**32 - 1, 2**32 - 2
VERSIONS = (2, 2)


class Closed(Exception):
    """The other end has closed the connection."""


def pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(packed: bytes) -> Any:
    return msgpack.unpackb(packed, strict_map_key=False)


def public_key(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


class Noise:
    """Noise_KK_25519_ChaChaPoly_SHA256."""

    def __init__(
        self, prologue: bytes, own: bytes, other: bytes, *, initiator: bool, ephemeral: bytes | None = None
    ) -> None:
        self.h = self.ck = b"Noise_KK_25519_ChaChaPoly_SHA256"
        self.own, self.other = own, other
        self.ephemeral = os.urandom(32) if ephemeral is None else ephemeral
        self.mix_hash(prologue)
        for key in (public_key(own), other) if initiator else (other, public_key(own)):
            self.mix_hash(key)

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def hkdf(self, ikm: bytes) -> tuple[bytes, bytes]:
        temporary = hmac.digest(self.ck, ikm, "sha256")
        first = hmac.digest(temporary, b"\x01", "sha256")
        return first, hmac.digest(temporary, first + b"\x02", "sha256")

    def mix_key(self, private: bytes, public: bytes) -> None:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
        self.ck, self.k = self.hkdf(shared)

    def seal(self, payload: bytes) -> bytes:
        sealed = ChaCha20Poly1305(self.k).encrypt(bytes(12), payload, self.h)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        payload = ChaCha20Poly1305(self.k).decrypt(bytes(12), sealed, self.h)
        self.mix_hash(sealed)
        return payload

    def write_first(self, payload: bytes) -> bytes:
        e = public_key(self.ephemeral)
        self.mix_hash(e)
        self.mix_key(self.ephemeral, self.other)
        self.mix_key(self.own, self.other)
        return e + self.seal(payload)

    def read_first(self, message: bytes) -> bytes:
        self.their_ephemeral = message[:32]
        self.mix_hash(self.their_ephemeral)
        self.mix_key(self.own, self.their_ephemeral)
        self.mix_key(self.own, self.other)
        return self.open(message[32:])

    def write_second(self, payload: bytes) -> bytes:
        e = public_key(self.ephemeral)
        self.mix_hash(e)
        self.mix_key(self.ephemeral, self.their_ephemeral)
        self.mix_key(self.ephemeral, self.other)
        return e + self.seal(payload)

    def read_second(self, message: bytes) -> bytes:
        e = message[:32]
        self.mix_hash(e)
        self.mix_key(self.ephemeral, e)
        self.mix_key(self.own, e)
        return self.open(message[32:])


@dataclass(frozen=True)
class Me:
    """One gateway: its name, its private key, and the transfer."""

    name: str
    private: bytes
    transfer: str


class Connection:
    """A connection after its handshake."""

    def __init__(self, sock: socket.socket, sending_key: bytes, receiving_key: bytes) -> None:
        self.sock = sock
        self.receiving_key = receiving_key
        self.push = sodium.crypto_secretstream_xchacha20poly1305_state()
        self.pull = sodium.crypto_secretstream_xchacha20poly1305_state()
        self.header = sodium.crypto_secretstream_xchacha20poly1305_init_push(self.push, sending_key)
        self.who, self.lane, self.slot, self.version = "", 0, 0, 0

    def take_header(self) -> None:
        header = exactly(self.sock, 24)
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(self.pull, header, self.receiving_key)

    def seal(self, body: bytes) -> bytes:
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self.push, body)
        return struct.pack(">I", len(sealed)) + sealed

    def write(self, body: bytes, clear: bytes = b"") -> None:
        """Send a record, and what follows it in clear."""
        self.sock.sendall(self.seal(body) + clear)

    def read(self) -> bytes:
        """Return the body of the next record."""
        (length,) = struct.unpack(">I", exactly(self.sock, 4))
        sealed = exactly(self.sock, length)
        body: bytes = sodium.crypto_secretstream_xchacha20poly1305_pull(self.pull, sealed)[0]
        return body

    def write_frame(self, frame: Frame) -> None:
        header = [*frame.names(), frame.salt, len(frame.manifest), len(frame.slices)]
        self.write(bytes([FRAME]) + pack(header), frame.manifest)
        for index, sealed in enumerate(frame.slices):
            self.write(struct.pack(">BII", SLICE, index << 8 | 1, len(sealed)), sealed)
        self.write(bytes([END, 0]) + frame.trailer)

    def read_frame(self) -> Frame | None:
        """Return the next frame, None if its sender gave it up."""
        body = self.read()
        assert body[0] == FRAME
        *names, salt, manifest_bytes, slice_count = unpack(body[1:])
        manifest = exactly(self.sock, manifest_bytes)
        slices: list[bytes] = []
        while (body := self.read())[0] == SLICE:
            _, place, size_bytes = struct.unpack(">BII", body)
            assert place >> 8 == len(slices)
            slices.extend(exactly(self.sock, size_bytes) for _ in range(place & 255))
        assert body[0] == END
        if body[1] == 1:
            return None
        assert body[1] == 0
        assert len(slices) == slice_count
        return Frame(*names, salt, manifest, slices, body[2:])

    def ack(self, frame: Frame) -> None:
        self.write(bytes([ACK]) + frame.frame_id)

    def close(self) -> None:
        self.sock.close()


def exactly(sock: socket.socket, count: int) -> bytes:
    got = bytearray()
    while len(got) < count:
        piece = sock.recv(count - len(got))
        if not piece:
            raise Closed
        got += piece
    return bytes(got)


def prologue(transfer: str, initiator: str, responder: str) -> bytes:
    return MAGIC + pack([transfer, initiator, responder])


def dial(sock: socket.socket, me: Me, peer: str, peer_key: bytes, lane: int, *, slot: int = 0) -> Connection:
    """Open a connection over *sock*, as the initiator."""
    noise = Noise(prologue(me.transfer, me.name, peer), me.private, peer_key, initiator=True)
    claim = struct.pack(">HHBH", *VERSIONS, lane, slot)
    name = me.name.encode()
    sock.sendall(MAGIC + bytes([len(name)]) + name + noise.write_first(claim))
    lowest, highest = struct.unpack(">HH", noise.read_second(exactly(sock, 32 + 4 + 16)))
    assert lowest <= VERSIONS[1]
    first, second = noise.hkdf(b"")
    connection = Connection(sock, first, second)
    connection.who, connection.lane, connection.slot = peer, lane, slot
    connection.version = min(highest, VERSIONS[1])
    connection.take_header()
    sock.sendall(connection.header + connection.seal(bytes([HELLO]) + bytes(8)))
    return connection


def answer(sock: socket.socket, me: Me, keys: dict[str, bytes]) -> Connection:
    """Take a connection over *sock*, as the responder that knows the public *keys* of its peers."""
    assert exactly(sock, 8) == MAGIC
    who = exactly(sock, exactly(sock, 1)[0]).decode()
    noise = Noise(prologue(me.transfer, who, me.name), me.private, keys[who], initiator=False)
    _, highest, lane, slot = struct.unpack(">HHBH", noise.read_first(exactly(sock, 32 + 7 + 16)))
    second_message = noise.write_second(struct.pack(">HH", *VERSIONS))
    first, second = noise.hkdf(b"")
    connection = Connection(sock, second, first)
    connection.who, connection.lane, connection.slot = who, lane, slot
    connection.version = min(highest, VERSIONS[1])
    sock.sendall(second_message + connection.header)
    connection.take_header()
    assert connection.read() == bytes([HELLO]) + bytes(8)
    return connection


@dataclass
class Frame:
    """A frame as it travels."""

    frame_id: bytes
    partition: str
    source: str
    destinations: list[int]
    attempt: int
    raw_bytes: int
    salt: bytes
    manifest: bytes
    slices: list[bytes]
    trailer: bytes

    def names(self) -> list[Any]:
        return [self.frame_id, self.partition, self.source, self.destinations, self.attempt, self.raw_bytes]

    def bound(self) -> bytes:
        return pack(self.names()[1:])


class Payload:
    """What source and sink do with a frame, for who holds the payload key of the transfer."""

    def __init__(self, key: bytes, transfer: str) -> None:
        self.key, self.transfer = key, transfer

    def frame_key(self, salt: bytes, cipher: int) -> bytes:
        info = b"skytf frame 1 xchacha20poly1305" if cipher else b"skytf frame 1"
        return hmac.digest(hmac.digest(salt, self.key, "sha256"), info + b"\x01", "sha256")

    def associated(self, kind: int, frame_id: bytes, index: int, final: bool, bound: bytes) -> bytes:
        position = struct.pack(">IB", index, final)
        return bytes([kind]) + frame_id + position + self.transfer.encode() + b"\0" + bound

    def seal(
        self,
        frame: Frame,
        index: int,
        final: bool,
        plain: bytes,
        bound: bytes = b"",
        *,
        codec: int = 0,
        cipher: int = 0,
    ) -> bytes:
        kind = codec | cipher << 4
        body = (bytes, lz4.block.compress, zstandard.compress)[codec](plain)
        associated = self.associated(kind, frame.frame_id, index, final, bound)
        return bytes([kind]) + self.encrypt(cipher, frame.salt, index, body, associated)

    def encrypt(self, cipher: int, salt: bytes, index: int, body: bytes, associated: bytes) -> bytes:
        key = self.frame_key(salt, cipher)
        if cipher == 0:
            return AESGCM(key).encrypt(index.to_bytes(12), body, associated)
        sealed: bytes = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(body, associated, index.to_bytes(24), key)
        return sealed

    def open(self, frame: Frame, index: int, final: bool, sealed: bytes, bound: bytes = b"") -> bytes:
        kind = sealed[0]
        associated = self.associated(kind, frame.frame_id, index, final, bound)
        key = self.frame_key(frame.salt, kind >> 4)
        if kind >> 4 == 0:
            body = AESGCM(key).decrypt(index.to_bytes(12), sealed[1:], associated)
        else:
            nonce = index.to_bytes(24)
            body = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[1:], associated, nonce, key)
        unpack_body = (bytes, lz4.block.decompress, zstandard.decompress)[kind & 15]
        plain: bytes = unpack_body(body)
        return plain

    def open_frame(self, frame: Frame) -> list[tuple[list[Any], bytes]]:
        """Return the pieces of *frame*, each with its bytes, whose digests are checked."""
        last = len(frame.slices) - 1
        payload = b"".join(self.open(frame, i, i == last, sealed) for i, sealed in enumerate(frame.slices))
        assert len(payload) == frame.raw_bytes
        pieces = unpack(self.open(frame, MANIFEST_INDEX, True, frame.manifest, frame.bound()))
        digests = unpack(self.open(frame, TRAILER_INDEX, True, frame.trailer, frame.bound()))
        found, position = [], 0
        for piece, digest in zip(pieces, digests, strict=True):
            size_bytes = piece[3]
            found.append((piece, payload[position : position + size_bytes]))
            position += size_bytes
            assert crc64nvme(found[-1][1]) == digest
        assert position == len(payload)
        return found

    def make_frame(
        self, partition: str, source: str, pieces: list[tuple[list[Any], bytes]], slice_bytes: int, **seal: int
    ) -> Frame:
        """Return a frame of *pieces*, in the form that `open_frame` returns."""
        payload = b"".join(plain for _, plain in pieces)
        frame = Frame(os.urandom(16), partition, source, [0], 1, len(payload), os.urandom(32), b"", [], b"")
        cuts = range(0, len(payload), slice_bytes)
        for index, start in enumerate(cuts):
            plain = payload[start : start + slice_bytes]
            frame.slices.append(self.seal(frame, index, index == len(cuts) - 1, plain, **seal))
        manifest = pack([piece for piece, _ in pieces])
        trailer = pack([crc64nvme(plain) for _, plain in pieces])
        frame.manifest = self.seal(frame, MANIFEST_INDEX, True, manifest, frame.bound())
        frame.trailer = self.seal(frame, TRAILER_INDEX, True, trailer, frame.bound())
        return frame

    def message_key(self) -> bytes:
        return hmac.digest(hmac.digest(b"", self.key, "sha256"), b"skytf message 1\x01", "sha256")

    def seal_message(self, to: str, sender: str, kind: str, body: object, nonce: bytes | None = None) -> bytes:
        """Return the body of a MESSAGE record."""
        drawn = os.urandom(12) if nonce is None else nonce
        names = pack([self.transfer, to, sender, kind])
        seal = drawn + AESGCM(self.message_key()).encrypt(drawn, pack(body), names)
        return bytes([MESSAGE]) + pack([to, sender, kind, seal])

    def open_message(self, record: bytes) -> tuple[str, str, str, Any]:
        """Return to whom, from whom, of what kind, and the body."""
        to, sender, kind, seal = unpack(record[1:])
        names = pack([self.transfer, to, sender, kind])
        return to, sender, kind, unpack(AESGCM(self.message_key()).decrypt(seal[:12], seal[12:], names))


def crc64nvme(data: bytes) -> int:
    crc = 2**64 - 1
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 2**64 - 1


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    return value


_TABLE = [_entry(value) for value in range(256)]
