"""
The certificate authority of one transfer, for links inside TLS 1.3.

It is made when a fleet is deployed, signs one certificate per gateway, and its key is forgotten before any is sent:
nobody can join the transfer later. Names are those of `gateway.wire.certificates`, as docs/wire.md says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# How far the clocks of our machine and of a gateway may differ.
CLOCKS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LinkCertificate:
    """Who one gateway is inside TLS, as PEM: the authority that all trust, its certificate, and the key of that."""

    authority: str
    certificate: str
    private_key: str = field(repr=False)


def make_link_certificates(
    transfer_id: str, gateways: Iterable[str], *, begins: datetime, ends: datetime
) -> dict[str, LinkCertificate]:
    """
    Return a certificate for each of *gateways*, all signed by one new authority.

    They hold from a day before *begins* to a day after *ends*. ECDSA on P-256: every TLS 1.3 must have it (RFC 8446,
    9.1), and keys are made in a millisecond.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = f"skytf transfer {transfer_id}"[:64]  # RFC 5280, appendix A: ub-common-name
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    lasting = begins - CLOCKS, ends + CLOCKS
    authority = (
        _builder(issuer, issuer, key.public_key(), key.public_key(), lasting)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificates = {}
    for gateway in gateways:
        its_key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway[:64])])
        name = f"skytf://{quote(transfer_id, safe='')}/{quote(gateway, safe='')}"
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(subject, issuer, its_key.public_key(), key.public_key(), lasting)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        certificates[gateway] = LinkCertificate(
            authority.public_bytes(Encoding.PEM).decode(),
            certificate.public_bytes(Encoding.PEM).decode(),
            its_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        )
    return certificates


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    lasting: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(lasting[0])
        .not_valid_after(lasting[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
