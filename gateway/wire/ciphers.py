"""
The two ciphers that seal payload, behind one face: AES-256-GCM, and XChaCha20-Poly1305 for CPUs without AES.

Both take a key of 32 bytes, number what they seal by an index that is the nonce, and add a tag of 16 bytes. Which one
was used stands in the high half of a sealed slice's first byte, and each has keys of its own: a byte that was changed
on the way selects another key and opens nothing. All calls on whole slices release the GIL.
"""

from __future__ import annotations

import hmac
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl._sodium import ffi as _ffi
from nacl._sodium import lib as _sodium
from nacl.bindings import sodium_init

AES256GCM, XCHACHA20POLY1305 = 0, 1
TAG_BYTES = 16
_NUMBERS = {"aes256gcm": AES256GCM, "xchacha20poly1305": XCHACHA20POLY1305}
_FRAME_INFO = (b"skytf frame 1", b"skytf frame 1 xchacha20poly1305")
# What the two rounds of AES-GCM need, as Linux names it on x86 and on ARM.
_AES_FLAGS = ({"aes", "pclmulqdq"}, {"aes", "pmull"})
_CPUINFO = Path("/proc/cpuinfo")
_bytes_at = partial(_ffi.from_buffer, "unsigned char[]")
sodium_init()  # it finds out what the CPU can do; without it all is done the slow way


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
    """
    libsodium's, by PyNaCl's library and not by its functions, which copy a slice twice and halve the speed.

    Slices of 1 MiB, one thread, Xeon with AVX-512, 2026-11: 1.2 GB/s; by `nacl.bindings` 0.5.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal_into(self, index: int, plaintext: memoryview | bytes, associated: bytes, out: memoryview) -> None:
        _check_room(out, len(plaintext) + TAG_BYTES)
        _sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
            _bytes_at(out, require_writable=True),
            _ffi.NULL,
            _bytes_at(plaintext),
            len(plaintext),
            associated,
            len(associated),
            _ffi.NULL,
            index.to_bytes(24),
            self._key,
        )

    def open_into(self, index: int, sealed: memoryview, associated: bytes, out: memoryview) -> None:
        _check_room(out, len(sealed) - TAG_BYTES)
        wrong = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            _bytes_at(out, require_writable=True),
            _ffi.NULL,
            _ffi.NULL,
            _bytes_at(sealed),
            len(sealed),
            associated,
            len(associated),
            index.to_bytes(24),
            self._key,
        )
        if wrong:
            raise InvalidTag

    def open(self, index: int, sealed: memoryview, associated: bytes) -> bytes:
        out = bytearray(len(sealed) - TAG_BYTES)
        self.open_into(index, sealed, associated, memoryview(out))
        return bytes(out)


def _check_room(out: memoryview, size_bytes: int) -> None:
    # C writes as much as it was told to, wherever that ends.
    if size_bytes < 0 or out.nbytes != size_bytes:
        raise ValueError(f"a buffer of {out.nbytes} bytes for {size_bytes}")


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
        return bool(_sodium.crypto_aead_aes256gcm_is_available())


def flags_have_aes(cpuinfo: str) -> bool:
    """Tell whether the first processor of *cpuinfo* has instructions for AES and for the multiplication of GCM."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return any(needed <= set(value.split()) for needed in _AES_FLAGS)
    return False
