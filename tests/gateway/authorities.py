"""Certificates for links inside TLS, made by what makes them in earnest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.wire.certificates import Certificates, Tls
from skytf.deploy.authority import make_link_certificates

TRANSFER = "transfer-1"
# Long past for any clock that a test runs by.
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def issue(*gateways: str, transfer_id: str = TRANSFER, begins: datetime | None = None) -> dict[str, Certificates]:
    """Return certificates of one new authority that hold for an hour from *begins*, by default now."""
    begins = begins or datetime.now(UTC)
    made = make_link_certificates(transfer_id, gateways, begins=begins, ends=begins + timedelta(hours=1))
    return {name: Certificates(one.authority, one.certificate, one.private_key) for name, one in made.items()}


def everybody(*gateways: str) -> dict[str, Tls]:
    """Return the TLS of *gateways* who trust each other."""
    return {name: Tls(certificates, TRANSFER, name) for name, certificates in issue(*gateways).items()}
