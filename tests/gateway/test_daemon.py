from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.program import Program, Step, encode
from gateway.wire.peers import Identity
from tests.gateway.pipelines import fill, gateway, read_step, send_step, shard_of, tree, write_step
from tests.gateway.test_control import Client

SECRETS: dict[str, Any] = {
    "transfer_id": "transfer-1",
    "payload_key": "5e" * 32,
    "link_private_key": "17" * 32,
    "token": "token",
    "credentials": {"c": {"access_key": "ACCESS", "secret_key": "SECRET"}},
}


class Home:
    """A directory of a gateway, and its commands."""

    def __init__(self, directory: Path, program: Program | None = None, **secrets: object) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.secrets = SECRETS | secrets
        if program is not None:
            (directory / "program.json").write_bytes(encode(program))

    def command(self, name: str, stdin: str | None = None) -> tuple[int, str, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", name, str(self.directory)],
            input=json.dumps(self.secrets) if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        word, _, document = done.stdout.strip().partition(" ")
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, word, json.loads(document)

    def start(self) -> dict[str, Any]:
        code, word, about = self.command("start")
        assert (code, word) == (0, "READY"), about
        return about

    def wait_until_dead(self) -> None:
        """Return once nobody holds the lock."""
        with (self.directory / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)})
    home = Home(tmp_path / "a", program)
    yield home
    home.command("stop")


def test_a_gateway_starts_answers_and_stops(home: Home, tmp_path: Path) -> None:
    fill(tmp_path / "from", small=5)

    about = home.start()
    client = Client(about["control_port"])
    running = home.command("status")
    taken = client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
    next(event for event in client.events() if event["kind"] == "shard_done")
    stopped = home.command("stop")

    assert running == (0, "RUNNING", about)
    assert taken[0] == 202
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert stopped == (0, "STOPPED", {"was_running": True})
    assert home.command("status") == (0, "STOPPED", {})


def test_the_daemon_has_left_its_parent_behind(home: Home) -> None:
    pid = home.start()["pid"]

    assert os.getsid(pid) not in (os.getsid(0), pid)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path(os.devnull)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")


def test_nothing_secret_is_on_the_disk_or_in_the_command_line(home: Home) -> None:
    pid = home.start()["pid"]

    written = b"".join(path.read_bytes() for path in home.directory.iterdir())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.directory.iterdir()}
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    for secret in ("5e" * 32, "17" * 32, "SECRET", "ACCESS"):
        assert secret.encode() not in written + shown
    assert {name for name, mode in modes.items() if mode == 0o600} == {"lock", "log", "journal.jsonl"}


def test_a_second_start_is_refused_and_harms_nothing(home: Home) -> None:
    about = home.start()

    code, word, answer = home.command("start")

    assert (code, word) == (1, "ERROR")
    assert "already running" in answer["error"]
    assert home.command("status") == (0, "RUNNING", about)


def test_kill_9_frees_the_lock(home: Home) -> None:
    pid = home.start()["pid"]

    os.kill(pid, signal.SIGKILL)
    home.wait_until_dead()

    assert home.command("status") == (0, "STOPPED", {})
    assert home.start()["pid"] != pid


def test_a_predecessor_is_never_named_as_the_one_that_runs(tmp_path: Path) -> None:
    """Its process id may belong to another program by now, which `stop` would kill."""
    home = Home(tmp_path / "a", Program("a", ()))
    (home.directory / "daemon.json").write_text(json.dumps({"listen_host": "192.0.2.1"}))
    (home.directory / "lock").write_text(json.dumps({"pid": os.getpid(), "control_port": 1, "data_port": 2}))

    code, _, _ = home.command("start")

    assert code == 1
    assert str(os.getpid()) not in (home.directory / "lock").read_text()


def test_one_that_has_not_said_yet_who_it_is_cannot_be_stopped(home: Home) -> None:
    with (home.directory / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        code, word, answer = home.command("stop")

    assert (code, word) == (1, "ERROR")
    assert "just starting" in answer["error"]


def test_written_files_get_the_mode_that_the_user_wants(home: Home, tmp_path: Path) -> None:
    fill(tmp_path / "from", small=1)
    before = os.umask(0o027)
    try:
        about = home.start()
    finally:
        os.umask(before)
    client = Client(about["control_port"])
    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
    next(event for event in client.events() if event["kind"] == "shard_done")

    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "to").rglob("*")}

    assert modes == {True: 0o750, False: 0o640}


def test_a_gateway_that_does_not_hear_is_killed(home: Home) -> None:
    pid = home.start()["pid"]
    os.kill(pid, signal.SIGSTOP)

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from gateway.daemon import stop\n"
            "print(stop(Path(sys.argv[1]), timeout_s=0.2))",
            str(home.directory),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert done.stdout.strip() == "True"
    assert home.command("status") == (0, "STOPPED", {})


def test_sigterm_and_the_control_api_end_it_in_order(home: Home) -> None:
    os.kill(home.start()["pid"], signal.SIGTERM)
    home.wait_until_dead()
    client = Client(home.start()["control_port"])

    status, _ = client.ask("POST", "/v1/stop")
    home.wait_until_dead()

    assert status == 200
    assert (home.directory / "log").read_text().count("stopped") == 2


@pytest.mark.parametrize(
    ("program", "stdin", "words"),
    [
        (b"{}", None, "not a gateway program"),
        (None, None, "holds no gateway"),
        (encode(Program("a", ())).replace(b'"version": 1', b'"version": 99'), None, "version 99"),
        (encode(Program("a", ())), '{"transfer_id": 1}', "secrets"),
        (encode(Program("a", ())), '{"transfer_id": "t", "token": "x", "link_private_key": "zz"}', "secrets"),
        (encode(Program("a", ())), "", "secrets"),
        (encode(gateway("a", Step("recieve", children=(send_step("b"),)), dials=["b"])), None, "operator 'recieve'"),
        (encode(gateway("a", Step("receive", children=(send_step("b"),)))), None, "none of its peers"),
        (encode(Program("a", ())).replace(b'"peers"', b'"piers"'), None, "means nothing: piers"),
        (encode(Program("a", ())), json.dumps(SECRETS | {"link_private_key": "17" * 31}), "a link key has 32 bytes"),
    ],
)
def test_what_cannot_be_started_says_why(tmp_path: Path, program: bytes | None, stdin: str | None, words: str) -> None:
    home = Home(tmp_path / "a")
    if program is not None:
        (home.directory / "program.json").write_bytes(program)

    code, word, answer = home.command("start", stdin)

    assert (code, word) == (1, "ERROR")
    assert words in answer["error"]
    assert home.command("status")[1] == "STOPPED"


def test_what_fails_after_the_fork_is_said_too(tmp_path: Path) -> None:
    home = Home(tmp_path / "a", Program("a", ()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (home.directory / "daemon.json").write_text(json.dumps({"listen_port": port}))

        code, word, answer = home.command("start")

    assert (code, word) == (1, "ERROR")
    assert str(port) in answer["error"]
    assert home.command("status")[1] == "STOPPED"


def test_a_source_without_a_payload_key_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "a", gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)}), payload_key=None)

    code, _, answer = home.command("start")

    assert code == 1
    assert "payload key" in answer["error"]


def test_a_payload_key_of_another_length_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "a", gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)}), payload_key="5e")

    code, _, answer = home.command("start")

    assert code == 1
    assert "32 bytes" in answer["error"]


def test_unknown_words_and_missing_directories_are_errors(tmp_path: Path) -> None:
    home = Home(tmp_path / "a")

    assert home.command("dance")[:2] == (1, "ERROR")
    assert Home(tmp_path / "b").command("start")[:2] == (1, "ERROR")


def test_a_killed_sink_costs_nothing_but_time(tmp_path: Path) -> None:
    """Three real processes, two of them sinks on one disk; one is killed while objects are open there."""
    fill(tmp_path / "from", small=200, large=[2_000_000, 3_000_000, 300_000, 1_000_000])
    to, keys = tmp_path / "to", {name: os.urandom(32) for name in "abc"}
    programs = {
        "a": gateway("a", read_step(send_step("b", "c")), dials=["b", "c"], sinks={"0": ("b", "c")}),
        "b": gateway("b", sink := Step("receive", children=(write_step(to),)), dialled_by=["a"]),
        "c": gateway("c", sink, dialled_by=["a"]),
    }
    homes = {n: Home(tmp_path / n, program, link_private_key=keys[n].hex()) for n, program in programs.items()}
    try:
        abouts = {name: home.start() for name, home in homes.items()}
        addresses = [
            {
                "gateway": name,
                "public_key": Identity(keys[name]).public_key.hex(),
                "host": "127.0.0.1",
                "port": about["data_port"],
            }
            for name, about in abouts.items()
        ]
        clients = {name: Client(about["control_port"]) for name, about in abouts.items()}
        for client in clients.values():
            assert client.ask("PUT", "/v1/peers", addresses)[0] == 204
        clients["a"].ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
        events = clients["a"].events()
        seen = [next(event for event in events if event["kind"] == "opened")]
        os.kill(abouts["b"]["pid"], signal.SIGKILL)
        assert clients["a"].ask("POST", "/v1/lost", {"gateway": "b"})[0] == 204
        for event in events:
            seen.append(event)
            if event["kind"] == "shard_done":
                break
    finally:
        for home in homes.values():
            home.command("stop")

    assert not [event for event in seen if event["kind"] == "failed"]
    arrived = tree(to)
    assert {name: arrived[name] for name in tree(tmp_path / "from")} == tree(tmp_path / "from")
    closed = {event["token"] for event in seen if event["kind"] == "closed"}
    assert not [name for name in arrived if any(token.endswith(Path(name).name) for token in closed)]
