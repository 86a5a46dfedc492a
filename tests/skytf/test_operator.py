"""Who may reach SSH: given, or asked of a service, or nobody's business on this machine."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from skytf.errors import InputError
from skytf.model.copy import ApplyOptions
from skytf.model.region import Region
from skytf.operator import check_applying, operator_cidr

CLOUD = [Region("aws", "us-east-1"), Region("local", "a")]
Answering = Callable[[int, str], str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def answering(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Return a function that sets what a service answers, and returns its address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer = [200, ""]

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(answer[0]))
            self.end_headers()
            self.wfile.write(str(answer[1]).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def answers(status: int, text: str) -> str:
            answer[:] = [status, text]
            return f"https://localhost:{server.server_address[1]}/ip"

        yield answers
        server.shutdown()
        thread.join()


def test_a_fleet_on_this_machine_asks_nobody() -> None:
    cidr = operator_cidr(ApplyOptions(echo_service="https://127.0.0.1:9"), [Region("local", "a")])

    assert cidr == "127.0.0.1/32"


def test_what_was_given_counts() -> None:
    options = ApplyOptions(operator_cidr="198.51.100.7", echo_service="https://127.0.0.1:9")

    assert operator_cidr(options, CLOUD) == "198.51.100.7/32"


def test_the_service_is_asked_for_the_address(answering: Answering) -> None:
    service = answering(200, " 8.8.4.4\n")

    assert operator_cidr(ApplyOptions(echo_service=service), CLOUD) == "8.8.4.4/32"


@pytest.mark.parametrize(
    ("status", "text"),
    [(200, "10.0.0.1"), (200, "2001:db8::1"), (200, "<html>"), (200, "8.8.4.4 8.8.8.8"), (503, "8.8.4.4"), (200, "")],
)
def test_an_answer_that_is_no_public_address_is_refused(answering: Answering, status: int, text: str) -> None:
    service = answering(status, text)

    with pytest.raises(InputError, match="did not answer with a public IPv4") as refused:
        operator_cidr(ApplyOptions(echo_service=service), CLOUD)

    assert "--operator-cidr" in refused.value.hint


def test_a_service_that_nobody_vouches_for_is_not_believed(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = answering(200, "8.8.4.4")
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")

    with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
        operator_cidr(ApplyOptions(echo_service=service), CLOUD)


def test_a_service_that_does_not_answer_names_the_option(closed_port: int) -> None:
    with pytest.raises(InputError, match="cannot be asked") as refused:
        operator_cidr(ApplyOptions(echo_service=f"https://127.0.0.1:{closed_port}"), CLOUD)

    assert "--operator-cidr" in refused.value.hint


@pytest.mark.parametrize("service", ["https://a..b/", "https://localhost/\u00e9"])
def test_a_service_whose_address_cannot_be_is_no_crash(service: str) -> None:
    with pytest.raises(InputError, match="cannot be asked"):
        operator_cidr(ApplyOptions(echo_service=service), CLOUD)


def test_nobody_is_asked_where_that_is_switched_off() -> None:
    with pytest.raises(InputError, match="--echo-service off") as refused:
        operator_cidr(ApplyOptions(echo_service=""), CLOUD)

    assert "--operator-cidr" in refused.value.hint


def test_through_a_proxy_the_address_must_be_given() -> None:
    with pytest.raises(InputError, match="sees the proxy's address"):
        operator_cidr(ApplyOptions(ssh_proxy="jump"), CLOUD)

    assert operator_cidr(ApplyOptions(ssh_proxy="jump", operator_cidr="10.1.2.0/24"), CLOUD) == "10.1.2.0/24"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ApplyOptions(operator_cidr="0.0.0.0/0"), "4,294,967,296 addresses"),
        (ApplyOptions(operator_cidr="64.0.0.0/7"), "33,554,432 addresses"),
        (ApplyOptions(operator_cidr="198.51.100.7/24"), "host bits set"),
        (ApplyOptions(operator_cidr="2001:db8::/32"), "no IPv4 network"),
        (ApplyOptions(echo_service="http://example.org"), "no https address"),
        (ApplyOptions(echo_service="https://[x"), "--echo-service"),
        (ApplyOptions(tree_source="magic"), "'magic' is no tree source"),
    ],
)
def test_what_means_nothing_is_refused_before_any_work(options: ApplyOptions, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        check_applying(options)

    assert refused.value.hint
