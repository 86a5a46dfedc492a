"""Certificates for links inside TLS: those that are made in earnest, and such as nobody should trust."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.wire.certificates import Certificates, Tls, name_of
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


class Authority:
    """One that does as it is told; *stolen* is the certificate of a gateway that poses as one."""

    def __init__(self, stolen: Certificates | None = None) -> None:
        if stolen is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = self._itself()
        else:
            key = serialization.load_pem_private_key(stolen.private_key.encode(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._key = key
            self._certificate = x509.load_pem_x509_certificate(stolen.certificate.encode())

    def sign(self, gateway: str, begins: datetime) -> Certificates:
        """Return a certificate for *gateway* that holds a day before and after *begins*."""
        own = ec.generate_private_key(ec.SECP256R1())
        uri = x509.UniformResourceIdentifier(name_of(TRANSFER, gateway))
        certificate = (
            self._begin(gateway, own.public_key(), begins - timedelta(days=1), begins + timedelta(days=1))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        return Certificates(
            self._certificate.public_bytes(pem).decode(),
            certificate.public_bytes(pem).decode(),
            own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
        )

    def _itself(self) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
        begins, ends = LONG_AGO - timedelta(days=9), datetime.now(UTC) + timedelta(days=9)
        return (
            self._begin("authority", self._key.public_key(), begins, ends)
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _begin(
        self, subject: str, public_key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
        issuer = name if subject == "authority" else self._certificate.subject
        return (
            x509.CertificateBuilder(issuer, name, public_key, x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
