"""Against a small HTTP server that keeps the control API's contract; a real daemon is in deploy/test_gateway.py."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from gateway.shard import Entry, Shard
from skytf.errors import TransferFailed
from skytf.monitor import client as module
from skytf.monitor.client import GatewayClient, GatewayLost, PeerAddress
from skytf.monitor.events import Counters, Failed, Fatal, Mark, PeerChanged, ShardDone
from tests.skytf.monitor.api import Api, Loopback, Server

SHARD = Shard("s1", "job", (Entry("a", "a", 1, "v1"),), (0,))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.held.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[GatewayClient]:
    client = GatewayClient("local-a-1", Loopback(), server.server_port, "hush")
    yield client
    client.close()


def test_status_is_typed(server: Server, client: GatewayClient) -> None:
    document = {"gateway": "local-a-1", "version": "1", "state": "idle", "peers": {"b": True}, "counters": {}}
    server.answers["GET /v1/status"] = lambda api: api.reply(200, document)

    status = client.status()

    assert (status.state, status.peers) == ("idle", {"b": True})
    assert server.asked[0].authorization == "Bearer hush"


def test_versions_are_agreed_on_first(server: Server, client: GatewayClient) -> None:
    document = {"program": "0.1.0", "control": [1, 2], "programs": [1], "wire": {"lowest": 2, "highest": 3}, "new": 1}
    server.answers["GET /v1/version"] = lambda api: api.reply(200, document)

    versions = client.agree()

    assert (versions.program, versions.control) == ("0.1.0", (1, 2))


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (200, {"program": "9.9.9", "control": [7, 8], "wire": {}}, r"\(skytf 9.9.9\) serves version 7, 8 .* knows 1"),
        (200, {"program": "9.9.9", "control": [], "wire": {}}, "serves version none"),
        (200, {"control": "all of them"}, "in a way that we do not know"),
        (404, {"error": "Not Found", "hint": ""}, "is of a version that tells none"),
    ],
)
def test_a_gateway_of_another_version_is_refused(
    server: Server, client: GatewayClient, status: int, document: dict[str, object], words: str
) -> None:
    server.answers["GET /v1/version"] = lambda api: api.reply(status, document)

    with pytest.raises(TransferFailed, match=words) as refused:
        client.agree()

    assert refused.value.hint == "run the same skytf at both ends"


def test_a_gateway_that_cannot_answer_yet_is_not_of_another_version(server: Server, client: GatewayClient) -> None:
    server.answers["GET /v1/version"] = lambda api: api.reply(503, {"error": "it stops", "hint": ""})

    with pytest.raises(TransferFailed, match="refused GET /v1/version: it stops"):
        client.agree()


def test_totals_come_by_operator(server: Server, client: GatewayClient) -> None:
    operator = {"partition": "job-0", "step": 1, "op": "send", "to": ["b"], "chunks": 2, "bytes": 9}
    document = {"bytes_read": 9, "operators": [operator | {"busy_s": 0.5, "waiting_s": 1.5}], "bottleneck": None}
    server.answers["GET /v1/counters"] = lambda api: api.reply(200, document)

    totals = client.totals()

    assert (totals.bytes_read, totals.operators[0].op, totals.operators[0].to) == (9, "send", ("b",))
    assert totals.operators[0].waiting_s == 1.5


def test_peers_and_losses_are_told(server: Server, client: GatewayClient) -> None:
    server.answers["PUT /v1/peers"] = server.answers["POST /v1/lost"] = lambda api: api.reply(204)

    client.put_peers([PeerAddress("b", "00ff", "127.0.0.1", 9)])
    client.lost("b")

    told = [json.loads(asked.body) for asked in server.asked]
    assert told == [[{"gateway": "b", "public_key": "00ff", "host": "127.0.0.1", "port": 9}], {"gateway": "b"}]


@pytest.mark.parametrize(("status", "taken"), [(202, True), (429, False)])
def test_a_shard_is_taken_or_there_is_no_room(server: Server, client: GatewayClient, status: int, taken: bool) -> None:
    server.answers["POST /v1/shards"] = lambda api: api.reply(status, {})

    assert client.post_shard(SHARD, wait_s=2.5) is taken

    assert server.asked[0].query == {"wait_s": ["2.5"]}
    assert json.loads(server.asked[0].body)["entries"][0]["key"] == "a"


def test_calls_share_one_connection(server: Server, client: GatewayClient) -> None:
    server.answers["POST /v1/lost"] = lambda api: api.reply(204)

    for _ in range(3):
        client.lost("b")

    assert len({asked.client for asked in server.asked}) == 1


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: Server, client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["POST /v1/lost"] = lambda api: api.reply(204)
    monkeypatch.setattr(module, "_REUSE_WITHIN_S", 0.0)

    client.lost("b")
    client.lost("b")

    assert len({asked.client for asked in server.asked}) == 2


def test_a_call_that_waits_does_not_hold_up_another(server: Server, client: GatewayClient) -> None:
    def wait(api: Api) -> None:
        server.held.wait(20)
        api.reply(202)

    def release(api: Api) -> None:
        server.held.set()
        api.reply(204)

    server.answers["POST /v1/shards"] = wait
    server.answers["POST /v1/lost"] = release
    poster = threading.Thread(target=lambda: client.post_shard(SHARD, wait_s=20))
    poster.start()

    client.lost("b")

    poster.join(5)
    assert not poster.is_alive()


def test_a_refusal_is_quoted(server: Server, client: GatewayClient) -> None:
    server.answers["PUT /v1/peers"] = lambda api: api.reply(400, {"error": "no such peer", "hint": "look"})

    with pytest.raises(TransferFailed, match="local-a-1 refused PUT /v1/peers: no such peer") as caught:
        client.put_peers([])

    assert caught.value.hint == "look"
    assert not isinstance(caught.value, GatewayLost)


def test_events_come_typed_and_as_they_happen(server: Server, client: GatewayClient) -> None:
    mark = (
        b'{"seq":4,"kind":"mark","shard_id":"s1","destination":0,"watermark":"a","beyond":["c"],"objects":2,"bytes":9,'
    )
    server.answers["GET /v1/events"] = lambda api: api.stream(
        b"\n" + mark,
        b'"skipped":0}\n\n{"seq":5,"kind":"failed","shard_id":"s1","destination":0,"key":"b","error":"full","hint":""}\n',
        b'{"seq":6,"kind":"shard_done","shard_id":"s1"}\n{"seq":7,"kind":"peer","gateway":"b","up":false}\n',
        b'{"seq":8,"kind":"counters","bytes_read":1,"bytes_sent":2,"bytes_received":0,"bytes_written":0,'
        b'"frames_resent":0}\n{"seq":9,"kind":"fatal","error":"disk","hint":""}\n',
    )

    seen = list(client.events(after=3))

    assert [type(event) for event in seen] == [Mark, Failed, ShardDone, PeerChanged, Counters, Fatal]
    assert seen[0] == Mark(4, "s1", 0, "a", ("c",), 2, 9, 0)
    assert server.asked[0].query == {"after": ["3"]}


def test_an_event_does_not_wait_for_the_next_one(server: Server, client: GatewayClient) -> None:
    server.answers["GET /v1/events"] = lambda api: api.stream(
        b'{"seq":1,"kind":"shard_done","shard_id":"s1"}\n', end=False
    )

    assert next(client.events()) == ShardDone(1, "s1")


def test_an_event_of_another_version_is_an_error(server: Server, client: GatewayClient) -> None:
    server.answers["GET /v1/events"] = lambda api: api.stream(b'{"seq":1,"kind":"novelty"}\n')

    with pytest.raises(TransferFailed, match=r"local-a-1.*novelty"):
        list(client.events())


def test_a_gateway_that_dies_in_a_stream_is_lost(server: Server, client: GatewayClient) -> None:
    server.answers["GET /v1/events"] = lambda api: api.stream(b"\n", end=False)
    timer = threading.Timer(0.1, server.held.set)
    timer.start()

    with pytest.raises(GatewayLost, match="local-a-1"):
        list(client.events())

    timer.join()


def test_a_gateway_that_falls_silent_is_lost(
    server: Server, client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENCE_S", 0.2)
    server.answers["GET /v1/events"] = lambda api: api.stream(b"\n", end=False)

    with pytest.raises(GatewayLost, match="does not answer any more"):
        list(client.events())


def test_a_gateway_where_nothing_listens_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(GatewayLost, match="local-a-1"):
        GatewayClient("local-a-1", Loopback(), port, "t").status()


def test_closing_ends_the_streams_and_the_calls_of_other_threads(server: Server, client: GatewayClient) -> None:
    in_call = threading.Event()

    def hold(api: Api) -> None:
        in_call.set()
        server.held.wait(20)
        api.close_connection = True

    server.answers["GET /v1/events"] = lambda api: api.stream(
        b'{"seq":1,"kind":"shard_done","shard_id":"s"}\n', end=False
    )
    server.answers["GET /v1/status"] = hold
    outcome: dict[str, object] = {}
    following = threading.Event()

    def follow() -> None:
        for event in client.events():
            outcome["event"] = event
            following.set()
        outcome["stream"] = "ended"

    def ask() -> None:
        try:
            client.status()
        except GatewayLost as error:
            outcome["call"] = error

    threads = [threading.Thread(target=follow), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    assert following.wait(5)
    assert in_call.wait(5)
    begun_s = time.monotonic()

    client.close()
    for thread in threads:
        thread.join(5)

    assert outcome["stream"] == "ended"
    assert isinstance(outcome["call"], GatewayLost)
    assert time.monotonic() - begun_s < 2


def test_a_closed_client_calls_nobody(server: Server, client: GatewayClient) -> None:
    client.close()

    with pytest.raises(GatewayLost, match="closed"):
        client.status()

    assert server.asked == []


def test_a_server_that_closes_after_each_answer_is_called_anew(server: Server, client: GatewayClient) -> None:
    def close_after(api: Api) -> None:
        api.send_response(204)
        api.send_header("Connection", "close")
        api.end_headers()
        api.close_connection = True

    server.answers["POST /v1/lost"] = close_after

    client.lost("b")
    client.lost("b")

    assert len({asked.client for asked in server.asked}) == 2
