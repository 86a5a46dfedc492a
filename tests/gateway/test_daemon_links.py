"""Links between real daemons: inside TLS or not at all, and with a gateway that is killed and comes back."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.program import Program, Step
from gateway.units import KIB
from gateway.wire.certificates import Certificates
from gateway.wire.handshake import MAGIC
from gateway.wire.peers import Identity
from tests.gateway.authorities import LONG_AGO, Authority, issue
from tests.gateway.pipelines import SMALL, gateway, read_step, send_step, shard_of, tree, write_step
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import Home

SECURE = dataclasses.replace(SMALL, link_tls=True)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Daemons:
    """Gateways by name, each a process."""

    def __init__(self, closing: ExitStack, directory: Path, programs: Mapping[str, Program], **secrets: Any) -> None:
        self._directory = directory
        self._keys = {name: os.urandom(32) for name in programs}
        self.homes = {
            name: Home(
                directory / name,
                program,
                link_private_key=self._keys[name].hex(),
                **{field: values[name] for field, values in secrets.items()},
            )
            for name, program in programs.items()
        }
        self.abouts: dict[str, dict[str, Any]] = {}
        for name, home in self.homes.items():
            closing.callback(home.command, "stop")
            self.abouts[name] = home.start()

    def client(self, name: str) -> Client:
        return Client(self.abouts[name]["control_port"])

    def knock(self, name: str, made: Certificates | None) -> bytes:
        """Dial *name* as gateway a, inside TLS with the certificate *made*; return what it says inside."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if made is not None:
            chain = self._directory / "hostile.pem"
            chain.write_text(made.certificate + made.private_key)
            context.load_cert_chain(chain)
        try:
            with (
                socket.create_connection(("127.0.0.1", self.abouts[name]["data_port"]), timeout=10) as sock,
                context.wrap_socket(sock) as tls,
            ):
                tls.sendall(MAGIC + b"\x01a" + bytes(55))
                return tls.recv(100)
        except (ssl.SSLError, ConnectionError):
            return b""

    def introduce(self, *names: str) -> None:
        """Tell *names* where all are now."""
        addresses = [
            {
                "gateway": name,
                "public_key": Identity(self._keys[name]).public_key.hex(),
                "host": "127.0.0.1",
                "port": about["data_port"],
            }
            for name, about in self.abouts.items()
        ]
        for name in names:
            assert self.client(name).ask("PUT", "/v1/peers", addresses)[0] == 204


def pair(to: Path, settings: Any) -> dict[str, Program]:
    return {
        "a": gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)}, settings=settings),
        "b": gateway("b", Step("receive", children=(write_step(to),)), dialled_by=["a"], settings=settings),
    }


def plant(directory: Path, sizes: list[int]) -> None:
    directory.mkdir()
    for number, size_bytes in enumerate(sizes):
        (directory / f"{number}").write_bytes(os.urandom(size_bytes))


def test_daemons_move_objects_inside_tls(closing: ExitStack, tmp_path: Path) -> None:
    plant(tmp_path / "from", [0, 5, 70 * KIB, 500 * KIB])
    certificates = {name: msgspec.to_builtins(one) for name, one in issue("a", "b").items()}
    daemons = Daemons(closing, tmp_path, pair(tmp_path / "to", SECURE), link_tls=certificates)
    daemons.introduce("a", "b")

    client = daemons.client("a")
    client.ask("POST", "/v1/shards?wait_s=5", shard_of(tmp_path / "from"))
    events = []
    for event in client.events():
        events.append(event)
        if event["kind"] == "shard_done":
            break
    _, sockets = client.ask("GET", "/v1/sockets")

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not [event for event in events if event["kind"] == "failed"]
    assert {one["tls"] for one in sockets} <= {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
    assert sockets
    written = b"".join(path.read_bytes() for home in daemons.homes.values() for path in home.directory.iterdir())
    assert b"PRIVATE KEY" not in written


@pytest.mark.parametrize(
    ("settings", "made", "words"),
    [
        (SECURE, None, "was given link_tls but not a certificate"),
        (SMALL, issue("a")["a"], "was given a certificate but not link_tls"),
        (SECURE, issue("a", begins=LONG_AGO)["a"], "certificate has expired"),
        (SECURE, issue("b")["b"], "it names skytf://transfer-1/b"),
        (SECURE, dataclasses.replace(issue("a")["a"], certificate="a certificate"), "is of no use"),
    ],
    ids=["no certificate", "no TLS", "expired", "another gateway", "no PEM"],
)
def test_half_of_tls_is_refused_before_anything_starts(tmp_path: Path, settings: Any, made: Any, words: str) -> None:
    home = Home(tmp_path / "a", pair(tmp_path / "to", settings)["a"], link_tls=msgspec.to_builtins(made))

    code, word, answer = home.command("start")

    assert (code, word) == (1, "ERROR")
    assert words in answer["error"]
    assert "PRIVATE KEY" not in str(answer)
    assert home.command("status")[1] == "STOPPED"


def test_hostile_certificates_cost_a_daemon_nothing(closing: ExitStack, tmp_path: Path) -> None:
    """Who knows the data port, and has the link key of a peer, gets no further than TLS."""
    plant(tmp_path / "from", [5, 300 * KIB])
    authority, now = Authority(), datetime.now(UTC)
    good = {name: authority.sign(name, now) for name in "abc"}
    certificates = {name: msgspec.to_builtins(good[name]) for name in "ab"}
    daemons = Daemons(closing, tmp_path, pair(tmp_path / "to", SECURE), link_tls=certificates)
    daemons.introduce("b")
    hostile = {
        "another authority": Authority().sign("a", now),
        "another name": good["c"],
        "expired": authority.sign("a", LONG_AGO),
        "signed by a gateway": Authority(good["c"]).sign("a", now),
        "none at all": None,
    }
    refused = {what: daemons.knock("b", made) for what, made in hostile.items()}
    daemons.introduce("a")

    client = daemons.client("a")
    client.ask("POST", "/v1/shards?wait_s=5", shard_of(tmp_path / "from"))
    next(event for event in client.events() if event["kind"] == "shard_done")

    assert refused == dict.fromkeys(hostile, b"")
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    log = (daemons.homes["b"].directory / "log").read_text()
    assert "the certificate of the other end is not trusted" in log  # strangers get few lines
    assert "Traceback" not in log


def test_a_sink_that_was_killed_comes_back_and_answers_what_was_asked_while_it_was_away(
    closing: ExitStack, tmp_path: Path
) -> None:
    """The source knows only the relay; what the relay drops nobody says again for two minutes."""
    plant(tmp_path / "from", [500 * KIB, 300 * KIB])
    settings = dataclasses.replace(SMALL, dead_after_s=0.8)
    receive = Step("receive", children=(write_step(tmp_path / "to"),))
    sinks = {"0": ("b",)}
    programs = {
        "a": gateway("a", read_step(send_step("r")), dials=["r"], routes={"b": ("r",)}, sinks=sinks, settings=settings),
        "r": gateway(
            "r", Step("receive", children=(send_step("b"),)), dials=["b"], dialled_by=["a"], settings=settings
        ),
        "b": gateway("b", receive, dialled_by=["r"], routes={"a": ("r",)}, settings=settings),
    }
    daemons = Daemons(closing, tmp_path, programs)
    daemons.introduce("a", "r", "b")
    relay = daemons.client("r").events()
    met = set()
    while met != {"a", "b"}:
        event = next(relay)
        if event["kind"] == "peer" and event["up"]:
            met.add(event["gateway"])

    os.kill(daemons.abouts["b"]["pid"], signal.SIGKILL)
    daemons.homes["b"].wait_until_dead()
    next(event for event in relay if event["kind"] == "peer" and event["gateway"] == "b" and not event["up"])
    client = daemons.client("a")
    client.ask("POST", "/v1/shards?wait_s=5", shard_of(tmp_path / "from"))
    assert client.ask("GET", "/v1/status")[1]["state"] == "running"
    daemons.abouts["b"] = daemons.homes["b"].start()
    daemons.introduce("r", "b")

    events = []
    for event in client.events():  # gives up after 10 s without a line
        events.append(event)
        if event["kind"] == "shard_done":
            break

    assert not [event for event in events if event["kind"] == "failed"]
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert daemons.client("r").ask("GET", "/v1/status")[1]["counters"]["frames_resent"] == 0
