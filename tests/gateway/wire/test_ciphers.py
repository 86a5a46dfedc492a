"""Which cipher seals, and that both are what they are called."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.wire import ciphers
from gateway.wire.ciphers import AES256GCM, TAG_BYTES, XCHACHA20POLY1305, chosen, flags_have_aes, frame_cipher

KEY, SALT = bytes(range(32)), bytes(range(32, 64))
BOTH = pytest.mark.parametrize("number", [AES256GCM, XCHACHA20POLY1305])


def hkdf(info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, SALT, info).derive(KEY)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return HChaCha20 by another library: a block of ChaCha20 is its state after the rounds plus the one before."""
    stream = Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    block = struct.unpack("<16I", stream)
    before = struct.unpack("<16I", b"expand 32-byte k" + key + nonce)
    after = [(ours - theirs) % 2**32 for ours, theirs in zip(block, before, strict=True)]
    return struct.pack("<8I", *after[:4], *after[12:])


@BOTH
def test_what_is_sealed_opens_only_with_its_index_and_data(number: int) -> None:
    cipher = frame_cipher(number, KEY, SALT)
    sealed, opened = memoryview(bytearray(5 + TAG_BYTES)), memoryview(bytearray(5))

    cipher.seal_into(3, memoryview(b"plain"), b"data", sealed)
    cipher.open_into(3, sealed, b"data", opened)

    assert opened == b"plain"
    assert cipher.open(3, sealed, b"data") == b"plain"
    for index, associated in ((4, b"data"), (3, b"other")):
        with pytest.raises(InvalidTag):
            cipher.open_into(index, sealed, associated, opened)
        with pytest.raises(InvalidTag):
            cipher.open(index, sealed, associated)


@BOTH
@pytest.mark.parametrize("error", [-1, 1])
def test_a_buffer_of_another_size_is_refused(number: int, error: int) -> None:
    cipher = frame_cipher(number, KEY, SALT)
    sealed = memoryview(bytearray(5 + TAG_BYTES))

    with pytest.raises(ValueError, match="buffer"):
        cipher.seal_into(3, memoryview(b"plain"), b"", memoryview(bytearray(5 + TAG_BYTES + error)))
    with pytest.raises(ValueError, match="buffer"):
        cipher.open_into(3, sealed, b"", memoryview(bytearray(5 + error)))


def test_aes_is_as_its_library_and_hkdf_have_it() -> None:
    sealed = AESGCM(hkdf(b"skytf frame 1")).encrypt((7).to_bytes(12, "big"), b"plain", b"data")

    assert frame_cipher(AES256GCM, KEY, SALT).open(7, memoryview(sealed), b"data") == b"plain"


def test_xchacha_is_as_another_library_has_it() -> None:
    nonce = (7).to_bytes(24, "big")
    inner = hchacha20(hkdf(b"skytf frame 1 xchacha20poly1305"), nonce[:16])
    sealed = ChaCha20Poly1305(inner).encrypt(bytes(4) + nonce[16:], b"plain", b"data")

    assert frame_cipher(XCHACHA20POLY1305, KEY, SALT).open(7, memoryview(sealed), b"data") == b"plain"


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse4_2 pclmulqdq aes avx\n", True),
        ("processor\t: 0\nflags\t\t: fpu sse4_2 avx\n", False),
        ("processor\t: 0\nflags\t\t: fpu aes avx\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull sha1\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd evtstrm crc32\n", False),
        ("processor\t: 0\n", False),
        ("", False),
    ],
    ids=["x86", "x86 without", "x86 without the product", "arm", "arm without", "unnamed", "empty"],
)
def test_the_flags_of_the_cpu_say_whether_it_has_aes(cpuinfo: str, has: bool) -> None:
    assert flags_have_aes(cpuinfo) is has


@pytest.mark.parametrize(("flags", "number"), [("aes pclmulqdq", AES256GCM), ("fpu", XCHACHA20POLY1305)])
def test_auto_is_aes_where_the_cpu_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, number: int
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(ciphers, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(ciphers, "has_aes", ciphers.has_aes.__wrapped__)

    assert chosen("auto") == number


@pytest.mark.parametrize("has", [0, 1])
def test_without_cpuinfo_libsodium_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: int) -> None:
    monkeypatch.setattr(ciphers, "_CPUINFO", tmp_path / "missing")
    monkeypatch.setattr(ciphers, "_sodium", SimpleNamespace(crypto_aead_aes256gcm_is_available=lambda: has))

    assert ciphers.has_aes.__wrapped__() is bool(has)


def test_who_names_a_cipher_gets_it_whatever_the_cpu() -> None:
    assert (chosen("aes256gcm"), chosen("xchacha20poly1305")) == (AES256GCM, XCHACHA20POLY1305)
