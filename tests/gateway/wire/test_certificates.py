"""TLS lets in who has a certificate of this transfer with its own name, and nobody else."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import BadProgram, GatewayError, RemoteWireError
from gateway.wire.certificates import Certificates, Tls, _context, name_of
from gateway.wire.handshake import Handshake, Hello, Lane
from gateway.wire.link import Identity, Link
from tests.gateway.authorities import LONG_AGO, TRANSFER, Authority, everybody, issue

A, B = Identity.generate(), Identity.generate()
KEYS = {"a": A.public_key, "c": A.public_key}


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        yield near, far


def trusting(certificates: Certificates) -> Tls:
    """Return the TLS of *certificates* though it would refuse itself."""
    tls = object.__new__(Tls)
    tls._transfer_id = TRANSFER
    tls._contexts = {server: _context(certificates, server=server) for server in (False, True)}
    return tls


def attempt(act: Callable[[], object], sock: socket.socket) -> object:
    try:
        return act()
    except (GatewayError, OSError) as error:
        sock.close()
        return error


def meet(
    ends: tuple[socket.socket, socket.socket], a: Tls | None, b: Tls | None, me: str = "a"
) -> tuple[object, object]:
    """Return what a handshake comes to for who dials, as *me*, and for gateway ``b`` who answers."""
    near, far = ends
    answers: list[object] = []
    responder = Handshake(B, "b", TRANSFER, tls=b)
    thread = threading.Thread(target=lambda: answers.append(attempt(lambda: responder.respond(far, KEYS.get), far)))
    thread.start()
    initiator = Handshake(A, me, TRANSFER, tls=a)
    dialled = attempt(lambda: initiator.initiate(near, "b", B.public_key, Lane.CONTROL, 0), near)
    thread.join()
    return dialled, answers[0]


def test_two_certified_gateways_meet_inside_tls_13(ends: tuple[socket.socket, socket.socket]) -> None:
    tls = everybody("a", "b")

    link, answer = meet(ends, tls["a"], tls["b"])

    assert isinstance(link, Link)
    assert isinstance(answer, tuple)
    assert answer[1] == Hello("a", Lane.CONTROL, 0)
    assert link.cipher == answer[0].cipher
    assert link.cipher in {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def test_who_dials_refuses_a_certificate_of_another_authority(ends: tuple[socket.socket, socket.socket]) -> None:
    dialled, answer = meet(ends, everybody("a", "b")["a"], everybody("a", "b")["b"])

    assert isinstance(dialled, RemoteWireError)
    assert "not trusted" in str(dialled)
    assert isinstance(answer, (RemoteWireError, OSError))


def test_who_answers_refuses_a_certificate_of_another_authority(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = issue("a", "b"), issue("a", "b")
    # It trusts us, which proves nothing about it.
    impostor = trusting(dataclasses.replace(theirs["a"], authority=ours["a"].authority))

    dialled, answer = meet(ends, impostor, Tls(ours["b"], TRANSFER, "b"))

    assert isinstance(answer, RemoteWireError)
    assert "not trusted" in str(answer)
    assert isinstance(dialled, (RemoteWireError, OSError))


def test_another_gateways_name_is_not_enough(ends: tuple[socket.socket, socket.socket]) -> None:
    """Gateway c is certified, and even has the link key of a, yet must not speak as a."""
    made = issue("a", "b", "c")

    dialled, answer = meet(ends, Tls(made["c"], TRANSFER, "c"), Tls(made["b"], TRANSFER, "b"), me="a")

    assert isinstance(answer, RemoteWireError)
    assert "skytf://transfer-1/c" in str(answer)
    assert isinstance(dialled, (RemoteWireError, OSError))


def test_who_dials_refuses_another_gateways_certificate(ends: tuple[socket.socket, socket.socket]) -> None:
    made = issue("a", "b", "c")

    dialled, _ = meet(ends, Tls(made["a"], TRANSFER, "a"), Tls(made["c"], TRANSFER, "c"))

    assert isinstance(dialled, RemoteWireError)
    assert "names skytf://transfer-1/c, not skytf://transfer-1/b" in str(dialled)


@pytest.mark.parametrize("late", ["a", "b"])
def test_an_expired_certificate_is_refused_at_either_end(ends: tuple[socket.socket, socket.socket], late: str) -> None:
    authority = Authority()  # one for both: what is refused is the date
    begins = {name: LONG_AGO if name == late else datetime.now(UTC) for name in "ab"}
    made = {name: authority.sign(name, begins[name]) for name in "ab"}

    dialled, answer = meet(ends, trusting(made["a"]), trusting(made["b"]))

    refusing = answer if late == "a" else dialled
    assert isinstance(refusing, RemoteWireError)
    assert "expired" in str(refusing)
    assert not isinstance(dialled, Link) or not isinstance(answer, tuple)


def test_a_client_without_a_certificate_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    tls = everybody("a", "b")
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.verify_mode = ssl.CERT_NONE
    bare = object.__new__(Tls)
    bare._transfer_id, bare._contexts = TRANSFER, {False: anonymous, True: anonymous}

    dialled, answer = meet(ends, bare, tls["b"])

    assert isinstance(answer, RemoteWireError)
    assert "certificate" in str(answer)
    assert isinstance(dialled, (RemoteWireError, OSError))


def test_a_certificate_signed_by_another_gateway_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    made = issue("b", "c")
    forged = Authority(made["c"]).sign("a", datetime.now(UTC))
    chain = dataclasses.replace(
        forged, authority=made["b"].authority, certificate=forged.certificate + made["c"].certificate
    )

    dialled, answer = meet(ends, trusting(chain), Tls(made["b"], TRANSFER, "b"))

    assert isinstance(answer, RemoteWireError)
    assert isinstance(dialled, (RemoteWireError, OSError))


def test_tls_12_is_not_spoken(ends: tuple[socket.socket, socket.socket]) -> None:
    made = issue("a", "b")
    old = trusting(made["a"])
    for context in old._contexts.values():
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2

    dialled, answer = meet(ends, old, Tls(made["b"], TRANSFER, "b"))

    assert isinstance(dialled, RemoteWireError)
    assert isinstance(answer, RemoteWireError)


def test_one_side_with_tls_and_one_without_say_so(ends: tuple[socket.socket, socket.socket]) -> None:
    dialled, answer = meet(ends, everybody("a", "b")["a"], None)

    assert "somebody has connected with TLS" in str(answer)
    assert "closed during the TLS handshake" in str(dialled) or isinstance(dialled, OSError)


def test_one_side_without_tls_and_one_with_it_say_so(ends: tuple[socket.socket, socket.socket]) -> None:
    dialled, answer = meet(ends, None, everybody("a", "b")["b"])

    assert "no TLS connection" in str(answer)
    assert isinstance(dialled, (RemoteWireError, OSError))


def test_the_link_keys_count_inside_tls_too(ends: tuple[socket.socket, socket.socket]) -> None:
    tls = everybody("a", "b")
    stranger = Handshake(Identity.generate(), "a", TRANSFER, tls=tls["a"])
    answers: list[object] = []
    responder = Handshake(B, "b", TRANSFER, tls=tls["b"])
    thread = threading.Thread(
        target=lambda: answers.append(attempt(lambda: responder.respond(ends[1], KEYS.get), ends[1]))
    )
    thread.start()

    with pytest.raises((RemoteWireError, ConnectionError)):
        stranger.initiate(ends[0], "b", B.public_key, Lane.CONTROL, 0)
    thread.join()

    assert "not sealed with the expected keys" in str(answers[0])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda made, other: dataclasses.replace(made, authority=other.authority),
            "unable to get|self.signed|signature",
        ),
        (lambda made, other: dataclasses.replace(made, private_key=other.private_key), "VALUES_MISMATCH|another one's"),
        (lambda made, other: dataclasses.replace(made, certificate="none"), "no use"),
        (lambda made, other: dataclasses.replace(made, private_key="x" * 9000), "9000 bytes"),
        (lambda made, other: dataclasses.replace(made, authority=""), "no use"),
        (lambda made, other: issue("a", begins=LONG_AGO)["a"], "expired"),
        (lambda made, other: issue("a", begins=datetime.now(UTC) + timedelta(days=3))["a"], "not yet valid"),
        (lambda made, other: issue("b")["b"], "it names skytf://transfer-1/b"),
        (lambda made, other: issue("a", transfer_id="another")["a"], "it names skytf://another/a"),
    ],
    ids=["authority", "key", "no PEM", "huge", "no authority", "expired", "too early", "gateway", "transfer"],
)
def test_certificates_that_are_no_use_are_named_before_any_peer_comes(
    spoil: Callable[[Certificates, Certificates], Certificates], words: str
) -> None:
    made, other = issue("a")["a"], issue("a")["a"]

    with pytest.raises(BadProgram, match=words) as caught:
        Tls(spoil(made, other), TRANSFER, "a")

    assert "gateway a" in str(caught.value)


def test_no_key_shows_in_a_repr_or_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = issue("a")["a"]

    Tls(made, TRANSFER, "a")

    assert "PRIVATE KEY" not in repr(made)
    assert list(tmp_path.iterdir()) == []


def test_names_with_odd_signs_stay_apart() -> None:
    assert name_of("t", "a/b") == "skytf://t/a%2Fb"
    assert name_of("t/a", "b") != name_of("t", "a/b")
