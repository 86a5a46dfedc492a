"""The serving script as a process of its own, as a host runs it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skytf.deploy import serve_archive
from skytf.deploy.shipping import script_argv

CONTENT = bytes(range(256)) * 10_000
Serve = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start serving `CONTENT` to those who say "open sesame"; ended like a session, by the end of stdin."""
    started: list[subprocess.Popen[bytes]] = []

    def start(first: int, last: int) -> subprocess.Popen[bytes]:
        archive = tmp_path / f"archive-{len(started)}"
        archive.write_bytes(CONTENT)
        argv = script_argv(sys.executable, "serve_archive.py", str(archive), "127.0.0.1", str(first), str(last))
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(b"open sesame\n")
        process.stdin.flush()
        started.append(process)
        return process

    yield start
    for process in started:
        process.communicate(timeout=10)


def port_of(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    word, port = process.stdout.readline().split()
    assert word == b"SERVING"
    return int(port)


def ask(port: int, token: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(token + b"\n")
    return connection


def answer(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as received:
        return received.read()


def test_more_hosts_than_are_served_at_once_all_get_it(serve: Serve, closed_port: int) -> None:
    port = port_of(serve(closed_port, closed_port))

    asking = [ask(port, b"open sesame") for _ in range(3 * serve_archive._AT_ONCE)]

    assert {answer(connection) for connection in asking} == {CONTENT}


def test_who_does_not_know_the_token_gets_nothing(serve: Serve, closed_port: int) -> None:
    port = port_of(serve(closed_port, closed_port))

    assert not answer(ask(port, b"guess"))
    assert answer(ask(port, b"open sesame")) == CONTENT


def test_the_archive_loses_its_name_at_once(serve: Serve, closed_port: int, tmp_path: Path) -> None:
    port = port_of(serve(closed_port, closed_port))

    assert not list(tmp_path.iterdir())
    assert answer(ask(port, b"open sesame")) == CONTENT


def test_a_range_that_is_taken_is_said_to_be(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]

        process = serve(port, port)

        _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert f"no port from {port} to {port} is free" in said.decode()


def test_it_ends_with_its_stdin_though_somebody_is_connected(serve: Serve, closed_port: int) -> None:
    process = serve(closed_port, closed_port)

    with socket.create_connection(("127.0.0.1", port_of(process))):
        process.communicate(timeout=10)

    assert process.returncode == 0
