"""
What happens to bytes before any fan-out and after the last hop: compress, seal, open, digest.

Sealing is AES-256-GCM under a key of its own per frame (HKDF-SHA256 of the payload key and a random salt), the slice
index as nonce. Pure: no I/O, and no state but the indexes a sealer has used. `docs/wire.md` has the byte layout
and test vectors. All calls on whole slices release the GIL.
"""

from __future__ import annotations

import hmac
import os
from typing import cast

import lz4.block
import msgspec
from awscrt import checksums
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import IntegrityError, LocalWireError
from gateway.wire.pool import OVERHEAD

SALT_BYTES = 32
MANIFEST_INDEX = 2**32 - 1
TRAILER_INDEX = 2**32 - 2
# 128 objects of a batch with keys of 1 KiB and S3's 2 KiB of user metadata take 0.4 MiB; the rest is head room.
MAX_MANIFEST_BYTES = 4 << 20
# At most nine bytes a piece: room for 116,000 of them, which have more than 4 MiB of manifest already.
MAX_TRAILER_BYTES = 1 << 20
_RAW, _LZ4 = 0, 1
_TAG_BYTES = 16
_NONCE_BYTES = 12
_FRAME_INFO = b"skytf frame 1"
_MESSAGE_INFO = b"skytf message 1"


def _derive(key: bytes, salt: bytes, info: bytes) -> AESGCM:
    # HKDF-SHA256 (RFC 5869) for one block of output, which is all that an AES-256 key takes.
    extracted = hmac.digest(salt, key, "sha256")
    return AESGCM(hmac.digest(extracted, info + b"\x01", "sha256"))


class _FrameCipher:
    def __init__(self, payload_key: bytes, transfer_id: str, frame_id: bytes, salt: bytes) -> None:
        if len(payload_key) != 32 or len(frame_id) != 16 or len(salt) != SALT_BYTES:
            raise LocalWireError("a payload key has 32 bytes, a frame id 16, a salt 32")
        self.salt = salt
        self._aead = _derive(payload_key, salt, _FRAME_INFO)
        self._frame_id = frame_id
        self._transfer = transfer_id.encode()

    def _associated(self, codec: int, index: int, final: bool, bound: bytes) -> bytes:
        return b"%c%s%s%c%s\0%s" % (codec, self._frame_id, index.to_bytes(4), final, self._transfer, bound)


class FrameSealer(_FrameCipher):
    """
    Seals the slices and the manifest of one frame.

    *salt* is drawn at random and belongs into the frame's header; pass one only to repeat a test vector.
    """

    def __init__(self, payload_key: bytes, transfer_id: str, frame_id: bytes, salt: bytes | None = None) -> None:
        super().__init__(payload_key, transfer_id, frame_id, os.urandom(SALT_BYTES) if salt is None else salt)
        self._used: set[int] = set()

    def seal(
        self, index: int, final: bool, plaintext: memoryview, out: memoryview, compress: bool, *, bound: bytes = b""
    ) -> int:
        """
        Write *plaintext* into *out*, sealed as slice *index*, and return the bytes used there.

        *out* has room for ``len(plaintext) + OVERHEAD``. A slice that *compress* does not make smaller is sealed raw,
        without a copy. *bound* is authenticated but not sent.

        Raises:
            LocalWireError: *index* was sealed before (a nonce used twice gives the key away), or *out* is too small.
        """
        if index in self._used or not 0 <= index <= MANIFEST_INDEX:
            raise LocalWireError(f"slice {index} of a frame is sealed already, or is no slice")
        body: memoryview | bytes = plaintext
        codec = _RAW
        if compress:
            packed = cast(bytes, lz4.block.compress(plaintext))
            if len(packed) < len(plaintext):
                body, codec = packed, _LZ4
        size_bytes = len(body) + OVERHEAD
        if size_bytes > len(out):
            raise LocalWireError(f"a slice of {len(plaintext)} bytes does not fit {len(out)} bytes once it is sealed")
        self._used.add(index)
        out[0] = codec
        associated = self._associated(codec, index, final, bound)
        self._aead.encrypt_into(index.to_bytes(_NONCE_BYTES), body, associated, out[1:size_bytes])
        return size_bytes

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
        return self._seal_whole(MANIFEST_INDEX, plaintext, True, bound)

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
        return self._seal_whole(TRAILER_INDEX, plaintext, False, bound)

    def _seal_whole(self, index: int, plaintext: bytes, compress: bool, bound: bytes) -> bytes:
        out = bytearray(len(plaintext) + OVERHEAD)
        used = self.seal(index, True, memoryview(plaintext), memoryview(out), compress, bound=bound)
        return bytes(memoryview(out)[:used])


class FrameOpener(_FrameCipher):
    """Opens what a `FrameSealer` with the same keys and salt has sealed."""

    def open(self, index: int, final: bool, sealed: memoryview, out: memoryview, *, bound: bytes = b"") -> int:
        """
        Write the plaintext of slice *index* into *out* and return its length.

        A raw slice is decrypted in place, without a copy. After an error *out* holds nothing to be used.

        Raises:
            IntegrityError: The seal does not match, or the plaintext is larger than *out*.
        """
        if len(sealed) < OVERHEAD or sealed[0] not in {_RAW, _LZ4}:
            raise IntegrityError(f"slice {index} of frame {self._frame_id.hex()} is no sealed slice")
        codec = sealed[0]
        nonce = index.to_bytes(_NONCE_BYTES)
        associated = self._associated(codec, index, final, bound)
        size_bytes = len(sealed) - OVERHEAD
        if codec == _RAW and size_bytes > len(out):
            raise self._too_large(index, size_bytes, out)
        try:
            if codec == _RAW:
                return self._aead.decrypt_into(nonce, sealed[1:], associated, out[:size_bytes])
            packed = self._aead.decrypt(nonce, sealed[1:], associated)
        except InvalidTag as error:
            raise IntegrityError(
                f"slice {index} of frame {self._frame_id.hex()} is not what its source has sealed"
            ) from error
        return self._unpack(index, packed, out)

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
        size_bytes = min(len(sealed), most_bytes)
        if sealed[:1] == bytes([_LZ4]):
            size_bytes = most_bytes
        out = memoryview(bytearray(size_bytes))
        return bytes(out[: self.open(index, True, memoryview(sealed), out, bound=bound)])

    def _unpack(self, index: int, packed: bytes, out: memoryview) -> int:
        # The block begins with its plaintext length: check it before lz4 allocates that much.
        size_bytes = int.from_bytes(packed[:4], "little")
        if size_bytes > len(out):
            raise self._too_large(index, size_bytes, out)
        try:
            plaintext = lz4.block.decompress(packed)
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise IntegrityError(f"slice {index} of frame {self._frame_id.hex()} does not decompress") from error
        out[:size_bytes] = plaintext
        return size_bytes

    def _too_large(self, index: int, size_bytes: int, out: memoryview) -> IntegrityError:
        return IntegrityError(
            f"slice {index} of frame {self._frame_id.hex()} has {size_bytes} bytes, expected at most {len(out)}"
        )


def seal_message(  # noqa: PLR0917 -- key, transfer, then the message's own fields in their order
    payload_key: bytes, transfer_id: str, to: str, sender: str, kind: str, body: bytes, *, nonce: bytes | None = None
) -> bytes:
    """
    Return *body* sealed so that relays cannot read it, forge it, or change *to*, *sender* or *kind*.

    Layout: nonce (12 bytes, random; pass one only to repeat a test vector), ciphertext, tag.
    """
    drawn = os.urandom(_NONCE_BYTES) if nonce is None else nonce
    associated = msgspec.msgpack.encode((transfer_id, to, sender, kind))
    return drawn + _derive(payload_key, b"", _MESSAGE_INFO).encrypt(drawn, body, associated)


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
        if len(seal) < _NONCE_BYTES + _TAG_BYTES:
            raise InvalidTag
        return _derive(payload_key, b"", _MESSAGE_INFO).decrypt(seal[:_NONCE_BYTES], seal[_NONCE_BYTES:], associated)
    except InvalidTag as error:
        raise IntegrityError(f"message {kind!r} from {sender!r} to {to!r} is not what its sender has sealed") from error


def crc64nvme(data: bytes | bytearray | memoryview, previous: int = 0) -> int:
    """Return the CRC-64/NVME of *data*, continuing from *previous*."""
    return cast(int, checksums.crc64nvme(data, previous))


def combine_crc64nvme(crc1: int, crc2: int, len2: int) -> int:
    """Return the CRC-64/NVME of two byte strings one after the other; the second has *len2* bytes."""
    return cast(int, checksums.combine_crc64nvme(crc1, crc2, len2))
