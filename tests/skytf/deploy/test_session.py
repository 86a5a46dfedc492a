from __future__ import annotations

import hashlib
import http.client
import http.server
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.deploy.channel import ChannelSocket
from skytf.deploy.connect import connect
from skytf.deploy.session import Session
from skytf.errors import HostError
from skytf.localvm.machine import Record
from tests.skytf.deploy.conftest import BootVm, Vm


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


@pytest.fixture
def echo_port() -> Iterator[int]:
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_command_gives_status_and_both_outputs(session: Session) -> None:
    result = session.run("echo out; echo err >&2; exit 3", check=False)

    assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_a_failed_command_is_an_error_with_its_last_words(session: Session) -> None:
    with pytest.raises(HostError, match=r"local-a-1.*failed: no such luck"):
        session.run("echo no such luck >&2; exit 1")


def test_arguments_reach_the_command_as_they_are(session: Session) -> None:
    arguments = ["a b", "it's", '"$HOME"', "*", "zürich", ""]

    said = session.run(["printf", "%s\\n", *arguments]).stdout

    assert said.split("\n")[:-1] == arguments


def test_stdin_is_bytes_and_ends(session: Session) -> None:
    document = os.urandom(300_000)

    said = session.run(["sha256sum"], stdin=document).stdout

    assert said.split()[0] == hashlib.sha256(document).hexdigest()


def test_a_command_that_does_not_read_its_stdin_still_says_why(session: Session) -> None:
    result = session.run("exec 0<&-; echo not interested; exit 1", stdin=b"x" * 100_000, check=False)

    assert result.stdout == "not interested\n"


def test_a_command_that_takes_too_long_is_ended_on_the_host(session: Session, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"did not finish within 0\.3 s"):
        session.run(f"sleep 60; touch {tmp_path}/late", timeout_s=0.3)

    assert session.run("true").exit_status == 0


def test_an_output_larger_than_the_window_arrives_whole(session: Session) -> None:
    assert len(session.run("head -c 5000000 /dev/zero | tr '\\0' x").stdout) == 5_000_000


def test_closing_from_another_thread_ends_a_command(vm: Vm) -> None:
    session = connect(vm.host, vm.key_file, vm.host_key.public)
    timer = threading.Timer(0.3, session.close)
    timer.start()
    begun_s = time.monotonic()

    with pytest.raises(HostError, match="connection was lost"):
        session.run(["sleep", "60"])

    assert time.monotonic() - begun_s < 5
    timer.join()


def test_a_vm_that_is_killed_is_noticed_at_once(boot_vm: BootVm) -> None:
    vm = boot_vm("local-a-3")
    session = connect(vm.host, vm.key_file, vm.host_key.public)
    record = Record.read(vm.machine)
    assert record is not None
    timer = threading.Timer(0.3, os.kill, (record.pid, 9))
    timer.start()
    begun_s = time.monotonic()

    with pytest.raises(HostError, match="connection was lost"):
        session.run(["sleep", "60"])

    assert time.monotonic() - begun_s < 5
    timer.join()
    session.close()


def test_bytes_become_a_file_that_only_its_owner_reads(session: Session, tmp_path: Path) -> None:
    target = tmp_path / "program.json"

    session.put(b"{}", str(target))

    assert target.read_bytes() == b"{}"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_replaces_an_older_one_whole(session: Session, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3_000_000))
    target.write_text("old")

    session.put(source, str(target), mode=0o644)

    assert target.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_file_that_arrives_damaged_keeps_its_temporary_name(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"good")
    run = session.run
    monkeypatch.setattr(session, "run", lambda argv: (Path(argv[1]).write_bytes(b"evil"), run(argv))[1])

    with pytest.raises(HostError, match="arrived damaged"):
        session.put(source, str(target))

    assert not target.exists()


def test_a_directory_that_does_not_exist_is_named(session: Session) -> None:
    with pytest.raises(HostError, match="could not write /nowhere/file"):
        session.put(b"", "/nowhere/file")


def test_http_goes_through_a_channel(session: Session, echo_port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = channel = session.open_channel(echo_port)

    for size in (0, 10, 1_000_000):
        connection.request("POST", "/", b"x" * size)
        assert len(connection.getresponse().read()) == size

    assert not channel.ended()
    connection.close()
    assert channel.ended()


def test_a_port_where_nothing_listens_is_a_connection_error(session: Session) -> None:
    with pytest.raises(ConnectionError, match="port 1"):
        session.open_channel(1)

    assert session.run("true").exit_status == 0


def test_closing_a_channel_wakes_its_reader(session: Session, echo_port: int) -> None:
    channel: ChannelSocket = session.open_channel(echo_port)
    received = []
    reader = threading.Thread(target=lambda: received.append(channel.makefile().read(1)))
    reader.start()

    channel.close()

    reader.join(5)
    assert received == [b""]


def test_forty_channels_opened_and_closed_at_once_leave_the_session_alive(session: Session, echo_port: int) -> None:
    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = session.open_channel(echo_port)
        connection.request("POST", "/", b"x" * 10_000)
        connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert session.run("true").exit_status == 0


def test_an_attended_command_runs_until_its_stdin_is_closed(session: Session) -> None:
    attended = session.spawn(
        ["sh", "-c", "read word; echo got $word; cat; echo end > ended"], said=b"it\n", timeout_s=60
    )

    assert attended.first_line() == "got it"
    attended.end()

    assert session.run(["cat", "ended"]).stdout == "end\n"


def test_an_attended_command_that_fails_says_why(session: Session) -> None:
    attended = session.spawn(["sh", "-c", "echo first >&2; echo no port is free >&2; exit 1"], said=b"", timeout_s=60)

    assert attended.first_line() == "no port is free"
    attended.end()


def test_an_attended_command_ends_with_its_session(vm: Vm, session: Session) -> None:
    other = connect(vm.host, vm.key_file, vm.host_key.public)
    attended = other.spawn(["sh", "-c", "mkfifo gone; echo here; cat; echo gone > gone"], said=b"", timeout_s=60)
    assert attended.first_line() == "here"

    other.close()

    assert session.run(["cat", "gone"], timeout_s=20).stdout == "gone\n"
    attended.end()
