from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.control import Control
from gateway.program import Step
from tests.gateway.pipelines import Fleet, fill, gateway, read_step, send_step, shard_of, tree, write_step


class Client:
    """A control API, and how to talk with it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stopped = threading.Event()

    def ask(self, method: str, path: str, body: object = None, token: str = "token") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            encoded = None if body is None else msgspec.json.encode(body)
            connection.request(method, path, encoded, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def events(self, after: int = 0) -> Iterator[dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/v1/events?after={after}", headers={"Authorization": "Bearer token"})
            response = connection.getresponse()
            while line := response.readline():
                if line.strip():
                    yield json.loads(line)
        finally:
            connection.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)})
    with Fleet(program) as fleet:
        asked = threading.Event()
        control = Control(fleet["a"], "token", asked.set)
        client = Client(control.start())
        client.stopped = asked
        yield client
        control.close()


@pytest.mark.parametrize("token", ["", "Token", "token "])
def test_a_stranger_gets_nothing(client: Client, token: str) -> None:
    assert client.ask("GET", "/v1/status", token=token)[0] == (200 if token.strip() == "token" else 401)


def test_status_says_what_the_gateway_is(client: Client) -> None:
    status, answer = client.ask("GET", "/v1/status")

    assert status == 200
    assert (answer["gateway"], answer["state"], answer["peers"]) == ("a", "idle", {})
    assert answer["counters"]["bytes_read"] == 0


def test_a_shard_is_taken_and_its_events_are_streamed(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from")
    shard = shard_of(tmp_path / "from")

    status, _ = client.ask("POST", "/v1/shards?wait_s=5", shard)
    seen = []
    for event in client.events():
        seen.append(event)
        if event["kind"] == "shard_done":
            break

    assert status == 202
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert sum(event["objects"] for event in seen if event["kind"] == "mark") == len(shard.entries)


def test_a_follower_that_comes_back_gets_the_rest(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from", small=1, large=[])
    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
    first = next(event for event in client.events() if event["kind"] == "shard_done")

    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from", name="again"))
    rest = next(client.events(after=first["seq"]))

    assert rest["seq"] == first["seq"] + 1


def test_a_full_intake_is_told_to_whoever_waits() -> None:
    head = Step("gen_data", children=(send_step("b"),))
    program = gateway("a", head, dials=["b"], sinks={"0": ("b",)})
    entries = [{"key": f"k{n}", "suffix": f"k{n}", "size_bytes": 200_000, "version": ""} for n in range(40)]
    with Fleet(program) as fleet:
        control = Control(fleet["a"], "token", lambda: None)
        client = Client(control.start())

        answers = []
        for number in range(8):
            shard = {"shard_id": f"s{number}", "partition": "job", "entries": entries, "destinations": [0]}
            answers.append(client.ask("POST", "/v1/shards?wait_s=0.05", shard))
        control.close()

    assert answers[0][0] == 202
    assert answers[-1][0] == 429
    assert answers[-1][1]["hint"]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/v1/shards", {"shard_id": 1}, 400),
        ("POST", "/v1/shards?wait_s=soon", {}, 400),
        ("POST", "/v1/shards", {"shard_id": "s", "partition": "x", "entries": [], "destinations": [0]}, 400),
        ("POST", "/v1/shards", {"shard_id": "s", "partition": "job", "entries": [], "destinations": [7]}, 400),
        ("PUT", "/v1/peers", [{"gateway": "b", "public_key": "xyz", "host": "h", "port": 1}], 400),
        ("PUT", "/v1/peers", [{"gateway": "b", "public_key": "17", "host": "h", "port": 1}], 400),
        ("PUT", "/v1/peers", [{"gateway": "b", "public_key": "17" * 32, "host": "h", "port": 65536}], 400),
        ("PUT", "/v1/peers", [{"gateway": "b", "public_key": "17" * 32, "host": "h" * 64, "port": 1}], 400),
        ("POST", "/v1/shards?wait_s=nan", {}, 400),
        ("GET", "/v1/events?after=x", None, 400),
        ("GET", f"/v1/events?after={'9' * 5000}", None, 400),
        ("GET", "/v1/secrets", None, 404),
        ("DELETE", "/v1/status", None, 405),
        ("PUT", "/v1/peers", [], 204),
        ("POST", "/v1/lost", {"gateway": "z"}, 204),
    ],
)
def test_what_cannot_be_done_says_why(client: Client, method: str, path: str, body: object, expected: int) -> None:
    status, answer = client.ask(method, path, body)

    assert status == expected
    assert answer is None or answer["error"]


@pytest.mark.parametrize("body", [b"\xff", b'{"shard_id": "\xff"}', b'{"x": ' + b"[" * 100_000, b""])
def test_garbage_is_a_bad_request(client: Client, body: bytes) -> None:
    status, answer = client.ask("POST", "/v1/shards", msgspec.Raw(body))

    assert status == 400
    assert "cannot be read" in answer["error"]


def test_stop_answers_once_all_is_closed(client: Client) -> None:
    status, counters = client.ask("POST", "/v1/stop")

    assert status == 200
    assert (counters["bytes_read"], counters["sent_to"], counters["stores"]) == (0, {}, {})
    assert client.stopped.wait(5)
    assert client.ask("GET", "/v1/status")[1]["state"] == "stopping"
    shard = {"shard_id": "s", "partition": "job", "entries": [], "destinations": [0]}
    assert client.ask("POST", "/v1/shards", shard)[0] == 503


def test_the_token_is_logged_nowhere(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    client.ask("GET", "/v1/status", token="not-the-token")
    client.ask("GET", "/v1/status")

    assert "token" not in caplog.text
