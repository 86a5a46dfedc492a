"""
The two ciphers that seal payload, behind one face: AES-256-GCM, and XChaCha20-Poly1305 for CPUs without AES.

Both take a key of 32 bytes, number what they seal by an index that is the nonce, and add a tag of 16 bytes. Which one
was used stands in the high half of a sealed slice's first byte, and each has keys of its own: a byte that was changed
on the way selects another key and opens nothing. All calls on whole slices release the GIL.
"""

from __future__ import annotations

import hmac
from functools import cache
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_aes256gcm_encrypt,
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError, UnavailableError

AES256GCM, XCHACHA20POLY1305 = 0, 1
TAG_BYTES = 16
_NUMBERS = {"aes256gcm": AES256GCM, "xchacha20poly1305": XCHACHA20POLY1305}
_FRAME_INFO = (b"skytf frame 1", b"skytf frame 1 xchacha20poly1305")
# What the two rounds of AES-GCM need, as Linux names it on x86 and on ARM.
_AES_FLAGS = ({"aes", "pclmulqdq"}, {"aes", "pmull"})
_CPUINFO = Path("/proc/cpuinfo")


class Cipher(Protocol):
    """An AEAD under one key. An index is sealed once per key; nobody here remembers which were."""

    def seal_into(self, index: int, plaintext: memoryview | bytes, associated: bytes, out: memoryview) -> None:
        """Write the ciphertext and its tag into *out*, which has ``len(plaintext) + TAG_BYTES`` bytes."""

    def open_into(self, index: int, sealed: memoryview, associated: bytes, out: memoryview) -> None:
        """
        Write the plaintext into *out*, which has ``len(sealed) - TAG_BYTES`` bytes.

        Raises:
            InvalidTag: *sealed* is not what was sealed under this key, index and *associated*.
        """

    def open(self, index: int, sealed: memoryview, associated: bytes) -> bytes:
        """Return what `open_into` writes."""


class _AesGcm:
    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal_into(self, index: int, plaintext: memoryview | bytes, associated: bytes, out: memoryview) -> None:
        self._aead.encrypt_into(index.to_bytes(12), plaintext, associated, out)

    def open_into(self, index: int, sealed: memoryview, associated: bytes, out: memoryview) -> None:
        self._aead.decrypt_into(index.to_bytes(12), sealed, associated, out)

    def open(self, index: int, sealed: memoryview, associated: bytes) -> bytes:
        return self._aead.decrypt(index.to_bytes(12), sealed, associated)


class _XChaCha:
    """PyNaCl takes and gives bytes of its own: each call copies the slice in and out."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal_into(self, index: int, plaintext: memoryview | bytes, associated: bytes, out: memoryview) -> None:
        out[:] = crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(plaintext), associated, index.to_bytes(24), self._key)

    def open_into(self, index: int, sealed: memoryview, associated: bytes, out: memoryview) -> None:
        out[:] = self.open(index, sealed, associated)

    def open(self, index: int, sealed: memoryview, associated: bytes) -> bytes:
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(sealed), associated, index.to_bytes(24), self._key)
        except CryptoError as error:
            raise InvalidTag from error


def frame_cipher(number: int, payload_key: bytes, salt: bytes) -> Cipher:
    """Return cipher *number* (`AES256GCM`, `XCHACHA20POLY1305`) under a frame's own key."""
    key = derive(payload_key, salt, _FRAME_INFO[number])
    return _XChaCha(key) if number == XCHACHA20POLY1305 else _AesGcm(key)


def derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes by HKDF-SHA256 (RFC 5869): one block of its output, which is all that either cipher takes."""
    extracted = hmac.digest(salt, key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def chosen(setting: str) -> int:
    """Return the number of the cipher that *setting* names; ``auto`` is AES-256-GCM where this CPU has it."""
    if setting == "auto":
        return AES256GCM if has_aes() else XCHACHA20POLY1305
    return _NUMBERS[setting]


@cache
def has_aes() -> bool:
    """Tell whether this CPU has instructions for AES-GCM: by /proc/cpuinfo, where there is none by libsodium."""
    try:
        return flags_have_aes(_CPUINFO.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return _libsodium_has_aes()


def flags_have_aes(cpuinfo: str) -> bool:
    """Tell whether the first processor of *cpuinfo* has instructions for AES and for the multiplication of GCM."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return any(needed <= set(value.split()) for needed in _AES_FLAGS)
    return False


def _libsodium_has_aes() -> bool:
    # PyNaCl has no public question for it, but refuses where libsodium says no.
    try:
        crypto_aead_aes256gcm_encrypt(b"", None, bytes(12), bytes(32))
    except UnavailableError:
        return False
    return True
