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
from gateway.program import Program, Step
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

    def events(self, after: int = 0, *, follow: bool = True) -> Iterator[dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            path = f"/v1/events?after={after}&follow={json.dumps(follow)}"
            connection.request("GET", path, headers={"Authorization": "Bearer token"})
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


def stuck_source() -> Program:
    """A source whose peer never comes: what it takes stays."""
    return gateway("a", Step("gen_data", children=(send_step("b"),)), dials=["b"], sinks={"0": ("b",)})


def made_up(name: str, objects: int = 40) -> dict[str, Any]:
    entries = [{"key": f"k{n:03}", "suffix": f"k{n:03}", "size_bytes": 200_000, "version": ""} for n in range(objects)]
    return {"shard_id": name, "partition": "job", "entries": entries, "destinations": [0]}


def test_of_many_shards_those_are_taken_that_there_is_room_for() -> None:
    with Fleet(stuck_source()) as fleet:
        control = Control(fleet["a"], "token", lambda: None)
        client = Client(control.start())

        first, answer = client.ask("POST", "/v1/shards", [made_up(f"s{number}") for number in range(20)])
        taken = answer["accepted"]
        again, _ = client.ask("POST", "/v1/shards", [made_up(f"s{number}") for number in range(taken)])
        more, rest = client.ask("POST", "/v1/shards", [made_up(f"s{number}") for number in range(taken, 20)])
        control.close()

    assert (first, answer["hint"]) == (429, "try again, or ask another gateway")
    assert 4 <= taken < 20
    assert again == 202, "those that are open are the same ones"
    assert more == 429
    assert rest["accepted"] <= 1, "the source may have begun one more meanwhile"


def test_of_many_shards_none_is_taken_if_one_is_wrong(client: Client) -> None:
    wrong = made_up("s1") | {"partition": "other"}

    status, _ = client.ask("POST", "/v1/shards", [made_up("s0"), wrong])

    assert status == 400
    assert client.ask("GET", "/v1/status")[1]["state"] == "idle"


def test_a_gateway_that_drains_finishes_and_takes_nothing(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from")
    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))

    drained = client.ask("POST", "/v1/drain?wait_s=20")
    refused = client.ask("POST", "/v1/shards", shard_of(tmp_path / "from", name="more"))

    assert drained == (200, {"drained": True, "shards": 0})
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert refused[0] == 503
    assert "takes no more shards" in refused[1]["error"]
    assert client.ask("GET", "/v1/status")[1]["state"] == "draining"


def test_who_drains_hears_what_is_left() -> None:
    with Fleet(stuck_source()) as fleet:
        control = Control(fleet["a"], "token", lambda: None)
        client = Client(control.start())
        client.ask("POST", "/v1/shards", [made_up("s0"), made_up("s1")])

        drained = client.ask("POST", "/v1/drain?wait_s=0.1")
        control.close()

    assert drained == (200, {"drained": False, "shards": 2})


def test_errors_are_told_and_counted(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from", small=1, large=[])
    shard = shard_of(tmp_path / "from")
    (tmp_path / "from" / "empty").unlink()

    client.ask("POST", "/v1/shards", shard)
    next(event for event in client.events() if event["kind"] == "shard_done")
    _, told = client.ask("GET", "/v1/errors")
    _, later = client.ask("GET", f"/v1/errors?after={told['errors'][-1]['number']}")

    assert told["counts"] == {"failed": 1}
    assert told["errors"][0]["about"].endswith("/from/empty")
    assert later == {"counts": {"failed": 1}, "errors": []}


def test_counters_name_operators_and_the_bottleneck(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from")
    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
    next(event for event in client.events() if event["kind"] == "shard_done")

    _, counters = client.ask("GET", "/v1/counters")

    assert [(one["op"], one["step"]) for one in counters["operators"]] == [("read_local", 0), ("write_local", 1)]
    assert counters["bottleneck"] in counters["operators"]
    assert counters["compression_ratio"] > 0.5


def test_what_the_gateway_speaks_is_asked_first(client: Client) -> None:
    status, versions = client.ask("GET", "/v1/version")

    assert status == 200
    assert 1 in versions["control"]
    assert 1 in versions["programs"]
    assert versions["wire"]["lowest"] <= versions["wire"]["highest"]


def test_connections_are_told_as_the_kernel_treats_them() -> None:
    source = gateway("a", Step("gen_data", children=(send_step("b"),)), dials=["b"], sinks={"0": ("b",)})
    sink = gateway("b", Step("receive", children=(Step("discard", {"destination": 0}),)), dialled_by=["a"])
    with Fleet(source, sink) as fleet:
        control = Control(fleet["a"], "token", lambda: None)
        client = Client(control.start())
        client.ask("POST", "/v1/shards", made_up("s0"))
        fleet.wait("a", "shard_done")

        _, sockets = client.ask("GET", "/v1/sockets")
        control.close()

    assert {one["gateway"] for one in sockets} == {"b"}
    assert {"control", "forward"} == {one["lane"] for one in sockets}
    assert all(one["used"]["mss_bytes"] for one in sockets)


def test_a_look_at_events_ends_if_it_is_asked_to(client: Client, tmp_path: Path) -> None:
    fill(tmp_path / "from", small=1, large=[])
    client.ask("POST", "/v1/shards", shard_of(tmp_path / "from"))
    last = next(event for event in client.events() if event["kind"] == "shard_done")

    seen = list(client.events(last["seq"] - 1, follow=False))

    assert [event["seq"] for event in seen][:1] == [last["seq"]]


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
        ("GET", "/v1/events?after=1&after=2", None, 400),
        ("GET", "/v1/status?verbose=1", None, 400),
        ("GET", "/v1/events?follow=maybe", None, 400),
        ("POST", "/v1/drain?wait_s=31", None, 400),
        ("POST", "/v1/drain?wait_s=-1", None, 400),
        ("POST", "/v1/lost", {"gateway": "z", "why": "because"}, 400),
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
