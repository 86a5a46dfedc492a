"""
Keys for one transfer, made on the operator's machine: SSH, host, link and payload keys, tokens.

Certificates for links inside TLS are `skytf.deploy.authority`'s.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from nacl.public import PrivateKey

from gateway.stores.base import Credentials
from skytf.deploy.authority import LinkCertificate

_PAYLOAD_KEY_BYTES = 32
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SshKey:
    """An Ed25519 key pair in OpenSSH's text forms."""

    private: str = field(repr=False)
    public: str


@dataclass(frozen=True, slots=True)
class LinkKey:
    """An X25519 key pair as hex of the raw 32 bytes: who a gateway is to its peers."""

    private: str = field(repr=False)
    public: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """
    What one gateway is told when it starts, and keeps in memory.

    ``payload_key`` is empty on a relay, which forwards what it cannot read; ``link_tls`` is None where links do without
    TLS. ``transfer_started_s`` (Unix time; no secret) tells what the transfer itself wrote from what others did.
    """

    transfer_id: str
    link_private_key: str = field(repr=False)
    token: str = field(repr=False)
    payload_key: str = field(default="", repr=False)
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    transfer_started_s: float = 0.0
    link_tls: LinkCertificate | None = None

    def to_json(self) -> bytes:
        """Return the document that the daemon reads from its stdin."""
        document: dict[str, object] = {
            "transfer_id": self.transfer_id,
            "transfer_started_s": self.transfer_started_s,
            "link_private_key": self.link_private_key,
            "token": self.token,
            "credentials": self.credentials,
        }
        if self.payload_key:
            document["payload_key"] = self.payload_key
        if self.link_tls is not None:
            document["link_tls"] = self.link_tls
        return msgspec.json.encode(document)


def make_ssh_key() -> SshKey:
    """Return a new key pair, for our client or (as the bootstrap that cloud-init injects) for a host."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return SshKey(private.decode(), public.decode())


def write_private_key(path: Path, key: SshKey) -> None:
    """Write the private half of *key* to *path*, which must be new, readable by us alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.private)


def make_link_key() -> LinkKey:
    """Return a new identity for one gateway."""
    key = PrivateKey.generate()
    return LinkKey(bytes(key).hex(), bytes(key.public_key).hex())


def make_payload_key() -> str:
    """Return a new payload key, as hex."""
    return secrets.token_hex(_PAYLOAD_KEY_BYTES)


def make_token() -> str:
    """Return a new token for a control API."""
    return secrets.token_urlsafe(_TOKEN_BYTES)
