"""
Noise_KK_25519_ChaChaPoly_SHA256 (noiseprotocol.org/noise.html, revision 34), sans-I/O.

The primitives are libsodium's. Both ends know each other's static key; each adds an ephemeral one::

    -> s, <- s            known before
    -> e, es, ss          first message
    <- e, ee, se          second message
"""

from __future__ import annotations

import hashlib
import hmac
import os

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from gateway.errors import RemoteWireError

KEY_BYTES = 32
TAG_BYTES = 16
_PROTOCOL = b"Noise_KK_25519_ChaChaPoly_SHA256"


class NoiseKK:
    """
    One side of one handshake; used once.

    The initiator calls `write_first`, then `read_second`; the responder `read_first`, then `write_second`; both then
    `split`. *ephemeral* is drawn at random; pass one only to repeat a test vector.
    """

    def __init__(
        self, *, initiator: bool, prologue: bytes, static: bytes, remote: bytes, ephemeral: bytes | None = None
    ) -> None:
        self._static = static
        self._remote = remote
        self._ephemeral = os.urandom(KEY_BYTES) if ephemeral is None else ephemeral
        # The name has exactly 32 bytes, so it is the first hash as it stands.
        self._hash = self._chain = _PROTOCOL
        self._key = b""
        self._nonce = 0
        self._mix_hash(prologue)
        own = crypto_scalarmult_base(static)
        for key in (own, remote) if initiator else (remote, own):
            self._mix_hash(key)

    def write_first(self, payload: bytes) -> bytes:
        """Return the initiator's message: 32 bytes of ephemeral key, *payload* sealed."""
        public = self._send_ephemeral()
        self._mix_key(self._exchange(self._ephemeral, self._remote))
        self._mix_key(self._exchange(self._static, self._remote))
        return public + self._encrypt(payload)

    def read_first(self, message: bytes) -> bytes:
        """
        Return the payload of the initiator's message.

        Raises:
            RemoteWireError: Whoever sent it does not hold the initiator's key, or means another prologue.
        """
        self._remote_ephemeral = self._receive_ephemeral(message)
        self._mix_key(self._exchange(self._static, self._remote_ephemeral))
        self._mix_key(self._exchange(self._static, self._remote))
        return self._decrypt(message[KEY_BYTES:])

    def write_second(self, payload: bytes) -> bytes:
        """Return the responder's message: 32 bytes of ephemeral key, *payload* sealed."""
        public = self._send_ephemeral()
        self._mix_key(self._exchange(self._ephemeral, self._remote_ephemeral))
        self._mix_key(self._exchange(self._ephemeral, self._remote))
        return public + self._encrypt(payload)

    def read_second(self, message: bytes) -> bytes:
        """
        Return the payload of the responder's message.

        Raises:
            RemoteWireError: Whoever sent it does not hold the responder's key.
        """
        remote_ephemeral = self._receive_ephemeral(message)
        self._mix_key(self._exchange(self._ephemeral, remote_ephemeral))
        self._mix_key(self._exchange(self._static, remote_ephemeral))
        return self._decrypt(message[KEY_BYTES:])

    def split(self) -> tuple[bytes, bytes]:
        """Return the keys of the two directions: the initiator's sending key first."""
        return self._hkdf(b"")

    def _send_ephemeral(self) -> bytes:
        public = crypto_scalarmult_base(self._ephemeral)
        self._mix_hash(public)
        return public

    def _receive_ephemeral(self, message: bytes) -> bytes:
        public = message[:KEY_BYTES]
        self._mix_hash(public)
        return public

    @staticmethod
    def _exchange(private: bytes, public: bytes) -> bytes:
        try:
            return crypto_scalarmult(private, public)
        except CryptoError as error:  # libsodium refuses points of small order
            raise RemoteWireError("the handshake holds an invalid public key") from error

    def _hkdf(self, secret: bytes) -> tuple[bytes, bytes]:
        extracted = hmac.digest(self._chain, secret, "sha256")
        first = hmac.digest(extracted, b"\x01", "sha256")
        return first, hmac.digest(extracted, first + b"\x02", "sha256")

    def _mix_key(self, secret: bytes) -> None:
        self._chain, self._key = self._hkdf(secret)
        self._nonce = 0

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _next_nonce(self) -> bytes:
        nonce = bytes(4) + self._nonce.to_bytes(8, "little")
        self._nonce += 1
        return nonce

    def _encrypt(self, plaintext: bytes) -> bytes:
        sealed = crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, self._hash, self._next_nonce(), self._key)
        self._mix_hash(sealed)
        return sealed

    def _decrypt(self, sealed: bytes) -> bytes:
        try:
            plaintext = crypto_aead_chacha20poly1305_ietf_decrypt(sealed, self._hash, self._next_nonce(), self._key)
        except CryptoError as error:
            raise RemoteWireError(
                "the handshake is not sealed with the expected keys",
                hint="check that both gateways were given the peers file of this transfer",
            ) from error
        self._mix_hash(sealed)
        return plaintext
