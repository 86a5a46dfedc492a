"""One authority for one transfer: it vouches for its gateways by name, for a while, and signs nothing else ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.wire.certificates import Certificates, Tls, name_of
from skytf.deploy.authority import CLOCKS, LinkCertificate, make_link_certificates

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)


def made(*gateways: str, transfer_id: str = "t-1") -> dict[str, LinkCertificate]:
    return make_link_certificates(transfer_id, gateways, begins=NOW, ends=LATER)


def read(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def test_every_gateway_is_vouched_for_by_the_same_authority_under_its_own_name() -> None:
    certificates = made("local-a-0", "aws-us-east-1-0")

    assert len({one.authority for one in certificates.values()}) == 1
    for gateway, one in certificates.items():
        certificate, authority = read(one.certificate), read(one.authority)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [name_of("t-1", gateway)]
        key = load_pem_private_key(one.private_key.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == certificate.public_key()


def test_it_holds_from_a_day_before_to_a_day_after() -> None:
    for text in (made("a")["a"].certificate, made("a")["a"].authority):
        certificate = read(text)

        assert certificate.not_valid_before_utc == NOW - CLOCKS
        assert certificate.not_valid_after_utc == LATER + CLOCKS


def test_a_gateway_cannot_vouch_for_others() -> None:
    certificate = read(made("a")["a"].certificate)

    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_every_transfer_has_another_authority() -> None:
    assert made("a")["a"].authority != made("a")["a"].authority


@pytest.mark.parametrize("gateway", ["local-a-0", "a b/ü%", "g" * 255])
def test_a_gateway_takes_it_whatever_it_is_called(gateway: str) -> None:
    one = make_link_certificates(
        "t/1 ü", [gateway], begins=datetime.now(UTC), ends=datetime.now(UTC) + timedelta(minutes=1)
    )[gateway]

    Tls(Certificates(one.authority, one.certificate, one.private_key), "t/1 ü", gateway)


def test_the_key_shows_in_no_repr() -> None:
    assert "PRIVATE" not in repr(made("a")["a"])
