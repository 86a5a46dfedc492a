"""Links inside TLS, on a real fleet: certificates made at apply, sent over SSH, and shown at every data port."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import replace
from pathlib import Path

from cryptography import x509

from skytf import Client, Copy, Hooks, Target
from tests.e2e.trees import SMALL, contents, plant


class Onlooker(Hooks):
    """Once the gateways are linked, asks every data port below *home* for its certificate, and keeps what it says."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.versions: list[str | None] = []
        self.certificates: dict[str, x509.Certificate] = {}
        self.on_disk = b""

    def on_phase(self, phase: str, text: str) -> None:
        if phase != "transferring":
            return
        for lock in self._home.rglob("skytf/*/lock"):
            about = json.loads(lock.read_text() or "{}")
            if "data_port" in about:
                self._look(about["data_port"])
                self.on_disk += b"".join(path.read_bytes() for path in lock.parent.iterdir() if path.is_file())

    def _look(self, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock, context.wrap_socket(sock) as tls:
            self.versions.append(tls.version())
            certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (name,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        self.certificates[name] = certificate


def test_a_fleet_with_a_relay_moves_everything_inside_tls(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")
    copy = Copy(Target(str(tmp_path / "in")), (Target(str(tmp_path / "out")),), recursive=True)
    onlooker = Onlooker(home)

    report = Client(home=home, hooks=onlooker).copy([copy], replace(SMALL, instances=1, via="local:r", link_tls=True))

    assert report is not None
    assert report.outcome == "done"
    assert contents(tmp_path / "out") == files
    assert onlooker.versions == ["TLSv1.3"] * 3
    names = {f"skytf://{report.transfer_id}/local-{site}-0" for site in "abr"}
    assert set(onlooker.certificates) == names
    issuers = {one.issuer for one in onlooker.certificates.values()}
    assert len(issuers) == 1, "one authority for the transfer"
    assert b"PRIVATE KEY" not in onlooker.on_disk
    assert b'"link_tls": true' in onlooker.on_disk, "in the program, which was reviewed"


def test_without_the_option_links_speak_no_tls(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=3, large=1)
    copy = Copy(Target(str(tmp_path / "in")), (Target(str(tmp_path / "out")),), recursive=True)

    class Refused(Onlooker):
        refused = 0

        def _look(self, port: int) -> None:
            try:
                super()._look(port)
            except (ssl.SSLError, ConnectionError):
                self.refused += 1

    onlooker = Refused(home)
    Client(home=home, hooks=onlooker).copy([copy], replace(SMALL, instances=1))

    assert (onlooker.refused, onlooker.versions) == (2, [])
