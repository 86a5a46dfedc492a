"""A filesystem mirror with the providers of the tests, from which Terraform installs them like any others."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.provider.tables import NAMES, load

_ROOT = Path(__file__).parents[2]
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def mirror(directory: Path, *names: str) -> Path:
    """
    Lay out a mirror in *directory*; return a CLI configuration that installs from it and from nowhere else.

    Args:
        directory: Made where it is missing.
        names: Of the providers, as in `tests.provider.tables`; all of them if none is given.
    """
    _write_identity(directory)
    system = f"{sys.platform}_{_MACHINES[platform.machine()]}"
    for name in names or NAMES:
        table = load(name)
        kind = table.address.rpartition("/")[2]
        place = directory / "mirror" / table.address / table.version / system
        place.mkdir(parents=True, exist_ok=True)
        program = place / f"terraform-provider-{kind}_v{table.version}"
        # sh, because a #! line takes neither a path with spaces nor a long one.
        program.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(_ROOT))} "
            f"exec {shlex.quote(sys.executable)} -P -m tests.provider.server {name} {shlex.quote(str(directory))}\n"
        )
        program.chmod(0o755)
    config = directory / "terraform.tfrc"
    config.write_text(
        "disable_checkpoint = true\n"
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{directory / "mirror"}"\n  }}\n}}\n'
    )
    return config


def _write_identity(directory: Path) -> None:
    """Write the certificate of all providers, once: loading the library for it takes longer than all else."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "key.pem").write_bytes(private)
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
