"""
What happens to bytes before any fan-out and after the last hop: compress, seal, open, digest.

Sealing is an AEAD under a key of its own per frame (HKDF-SHA256 of the payload key and a random salt), the slice
index as nonce. Pure: no I/O, and no state but the indexes a sealer has used and what a compressor saw last.
`docs/wire.md` has the byte layout and test vectors. All calls on whole slices release the GIL.
"""

from __future__ import annotations

import os
import struct
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import IntegrityError, LocalWireError
from gateway.wire.ciphers import AES256GCM, TAG_BYTES, XCHACHA20POLY1305, Cipher, derive, frame_cipher
from gateway.wire.compression import LZ4, RAW, ZSTD, Compressor, pack_small, unpack
from gateway.wire.pool import OVERHEAD

SALT_BYTES = 32
MANIFEST_INDEX = 2**32 - 1
TRAILER_INDEX = 2**32 - 2
# 128 objects of a batch with keys of 1 KiB and S3's 2 KiB of user metadata take 0.4 MiB; the rest is head room.
MAX_MANIFEST_BYTES = 4 << 20
# At most nine bytes a piece: room for 116,000 of them, which have more than 4 MiB of manifest already.
MAX_TRAILER_BYTES = 1 << 20
_MESSAGE_NONCE_BYTES = 12
_MESSAGE_INFO = b"skytf message 1"
_PLACE = struct.Struct(">I?")
_CIPHERS = frozenset({AES256GCM, XCHACHA20POLY1305})
_CODECS = frozenset({RAW, LZ4, ZSTD})


class _FrameKeys:
    """The ciphers of one frame, each made when it is first needed, and the associated data of its slices."""

    def __init__(self, payload_key: bytes, transfer_id: str, frame_id: bytes, salt: bytes) -> None:
        if len(payload_key) != 32 or len(frame_id) != 16 or len(salt) != SALT_BYTES:
            raise LocalWireError("a payload key has 32 bytes, a frame id 16, a salt 32")
        self.salt = salt
        self._key = payload_key
        self._frame_id = frame_id
        self._transfer = transfer_id.encode() + b"\0"

    def _associated(self, first: int, index: int, final: bool, bound: bytes) -> bytes:
        return b"".join((first.to_bytes(), self._frame_id, _PLACE.pack(index, final), self._transfer, bound))


class FrameSealer(_FrameKeys):
    """
    Seals slices, manifest and trailer of one frame with *cipher* (`gateway.wire.ciphers.chosen`).

    *salt* is drawn at random and belongs into the frame's header; pass one only to repeat a test vector.
    """

    def __init__(
        self,
        payload_key: bytes,
        transfer_id: str,
        frame_id: bytes,
        salt: bytes | None = None,
        *,
        cipher: int = AES256GCM,
    ) -> None:
        super().__init__(payload_key, transfer_id, frame_id, os.urandom(SALT_BYTES) if salt is None else salt)
        self._cipher = frame_cipher(cipher, payload_key, self.salt)
        self._mark = cipher << 4
        self._used: set[int] = set()

    def seal(
        self,
        index: int,
        final: bool,
        plaintext: memoryview,
        out: memoryview,
        compress: Compressor | None,
        *,
        bound: bytes = b"",
    ) -> int:
        """
        Write *plaintext* into *out*, sealed as slice *index*, and return the bytes used there.

        *out* has room for ``len(plaintext) + OVERHEAD``. A slice that *compress* does not make smaller is sealed
        raw, without a copy. *bound* is authenticated but not sent.

        Raises:
            LocalWireError: *index* was sealed before (a nonce used twice gives the key away), or *out* is too small.
        """
        packed = None if compress is None else compress.pack_now(plaintext)
        if compress is None or packed is None:
            return self._seal(index, final, RAW, plaintext, out, bound)
        return self._seal(index, final, compress.number, packed, out, bound)

    def seal_manifest(self, plaintext: bytes, bound: bytes = b"") -> bytes:
        """
        Return the frame's sealed manifest; *bound* is `Frame.binding()`, so that no relay can alter the header.

        Raises:
            LocalWireError: *plaintext* is larger than `MAX_MANIFEST_BYTES`, or the manifest is sealed already.
        """
        if len(plaintext) > MAX_MANIFEST_BYTES:
            raise LocalWireError(
                f"a manifest of {len(plaintext)} bytes is over the limit of {MAX_MANIFEST_BYTES}",
                hint="lower batch_objects in the settings of the program",
            )
        packed = pack_small(memoryview(plaintext))
        if packed is None:
            return self._seal_whole(MANIFEST_INDEX, RAW, plaintext, bound)
        return self._seal_whole(MANIFEST_INDEX, LZ4, packed, bound)

    def seal_trailer(self, plaintext: bytes, bound: bytes = b"") -> bytes:
        """
        Return the frame's sealed trailer: what is known only after the slices (digests, which do not compress).

        Raises:
            LocalWireError: *plaintext* is larger than `MAX_TRAILER_BYTES`, or the trailer is sealed already.
        """
        if len(plaintext) > MAX_TRAILER_BYTES:
            raise LocalWireError(
                f"a trailer of {len(plaintext)} bytes is over the limit of {MAX_TRAILER_BYTES}",
                hint="lower batch_objects in the settings of the program",
            )
        return self._seal_whole(TRAILER_INDEX, RAW, plaintext, bound)

    def _seal_whole(self, index: int, codec: int, body: bytes, bound: bytes) -> bytes:
        out = bytearray(len(body) + OVERHEAD)
        self._seal(index, True, codec, body, memoryview(out), bound)
        return bytes(out)

    def _seal(  # noqa: PLR0917 -- called once a slice: keywords would cost as much as what it does beside sealing
        self, index: int, final: bool, codec: int, body: memoryview | bytes, out: memoryview, bound: bytes
    ) -> int:
        if index in self._used or not 0 <= index <= MANIFEST_INDEX:
            raise LocalWireError(f"slice {index} of a frame is sealed already, or is no slice")
        size_bytes = len(body) + OVERHEAD
        if size_bytes > len(out):
            raise LocalWireError(f"a slice of {len(body)} bytes does not fit {len(out)} bytes once it is sealed")
        self._used.add(index)
        first = out[0] = self._mark | codec
        self._cipher.seal_into(index, body, self._associated(first, index, final, bound), out[1:size_bytes])
        return size_bytes


class FrameOpener(_FrameKeys):
    """Opens what a `FrameSealer` with the same keys and salt has sealed, with whichever cipher and codec it did."""

    def __init__(self, payload_key: bytes, transfer_id: str, frame_id: bytes, salt: bytes) -> None:
        super().__init__(payload_key, transfer_id, frame_id, salt)
        self._ciphers: dict[int, Cipher] = {}

    def open(self, index: int, final: bool, sealed: memoryview, out: memoryview, *, bound: bytes = b"") -> int:
        """
        Write the plaintext of slice *index* into *out* and return its length.

        A raw slice is decrypted in place, without a copy. After an error *out* holds nothing to be used.

        Raises:
            IntegrityError: The seal does not match, or the plaintext is larger than *out*.
        """
        first = sealed[0] if len(sealed) >= OVERHEAD else 255
        number, codec = first >> 4, first & 15
        if number not in _CIPHERS or codec not in _CODECS:
            raise IntegrityError(f"slice {index} of frame {self._frame_id.hex()} is no sealed slice")
        cipher = self._ciphers.get(number)
        if cipher is None:
            cipher = self._ciphers[number] = frame_cipher(number, self._key, self.salt)
        size_bytes = len(sealed) - OVERHEAD
        associated = self._associated(first, index, final, bound)
        try:
            if codec != RAW:
                plaintext = unpack(codec, cipher.open(index, sealed[1:], associated), len(out))
                size_bytes = len(plaintext)
                out[:size_bytes] = plaintext
            elif size_bytes > len(out):
                raise IntegrityError(f"has {size_bytes} bytes, expected at most {len(out)}")
            else:
                cipher.open_into(index, sealed[1:], associated, out[:size_bytes])
        except InvalidTag as error:
            raise self._wrong(index, "is not what its source has sealed") from error
        except IntegrityError as error:
            raise self._wrong(index, str(error)) from error
        return size_bytes

    def _wrong(self, index: int, why: str) -> IntegrityError:
        return IntegrityError(f"slice {index} of frame {self._frame_id.hex()} {why}")

    def open_manifest(self, sealed: bytes, bound: bytes = b"") -> bytes:
        """
        Return the plaintext of the frame's manifest.

        Raises:
            IntegrityError: The seal does not match, or *bound* is not what it was sealed with.
        """
        return self._open_whole(MANIFEST_INDEX, sealed, MAX_MANIFEST_BYTES, bound)

    def open_trailer(self, sealed: bytes, bound: bytes = b"") -> bytes:
        """
        Return the plaintext of the frame's trailer.

        Raises:
            IntegrityError: The seal does not match, or *bound* is not what it was sealed with.
        """
        return self._open_whole(TRAILER_INDEX, sealed, MAX_TRAILER_BYTES, bound)

    def _open_whole(self, index: int, sealed: bytes, most_bytes: int, bound: bytes) -> bytes:
        packed = len(sealed) > 0 and sealed[0] & 15 != RAW
        size_bytes = most_bytes if packed else min(len(sealed), most_bytes)
        out = memoryview(bytearray(size_bytes))
        return bytes(out[: self.open(index, True, memoryview(sealed), out, bound=bound)])


def seal_message(  # noqa: PLR0917 -- key, transfer, then the message's own fields in their order
    payload_key: bytes, transfer_id: str, to: str, sender: str, kind: str, body: bytes, *, nonce: bytes | None = None
) -> bytes:
    """
    Return *body* sealed so that relays cannot read it, forge it, or change *to*, *sender* or *kind*.

    Layout: nonce (12 bytes, random; pass one only to repeat a test vector), ciphertext, tag.
    """
    drawn = os.urandom(_MESSAGE_NONCE_BYTES) if nonce is None else nonce
    associated = msgspec.msgpack.encode((transfer_id, to, sender, kind))
    return drawn + AESGCM(derive(payload_key, b"", _MESSAGE_INFO)).encrypt(drawn, body, associated)


def open_message(  # noqa: PLR0917 -- as `seal_message`
    payload_key: bytes, transfer_id: str, to: str, sender: str, kind: str, seal: bytes
) -> bytes:
    """
    Return the body that `seal_message` has sealed.

    Raises:
        IntegrityError: The seal does not match the key or the message's own fields.
    """
    associated = msgspec.msgpack.encode((transfer_id, to, sender, kind))
    try:
        if len(seal) < _MESSAGE_NONCE_BYTES + TAG_BYTES:
            raise InvalidTag
        aead = AESGCM(derive(payload_key, b"", _MESSAGE_INFO))
        return aead.decrypt(seal[:_MESSAGE_NONCE_BYTES], seal[_MESSAGE_NONCE_BYTES:], associated)
    except InvalidTag as error:
        raise IntegrityError(f"message {kind!r} from {sender!r} to {to!r} is not what its sender has sealed") from error


@cache
def _checksums() -> ModuleType:
    # On first use: 12 MB of library, which a relay never needs and which would be a sixth of a gateway's start.
    return import_module("awscrt.checksums")


def crc64nvme(data: bytes | bytearray | memoryview, previous: int = 0) -> int:
    """Return the CRC-64/NVME of *data*, continuing from *previous*."""
    return cast(int, _checksums().crc64nvme(data, previous))


def combine_crc64nvme(crc1: int, crc2: int, len2: int) -> int:
    """Return the CRC-64/NVME of two byte strings one after the other; the second has *len2* bytes."""
    return cast(int, _checksums().combine_crc64nvme(crc1, crc2, len2))
