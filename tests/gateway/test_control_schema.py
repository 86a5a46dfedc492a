"""The control API of a real gateway, asked what its OpenAPI document allows and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.control import openapi
from gateway.control.calls import CALLS, Call
from gateway.program import Step
from tests.gateway.pipelines import gateway, send_step
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import Home

EXAMPLES = 25
MEMORY = {"store": {"scheme": "memory", "bucket": "b"}}
DOCUMENT = Path(__file__).parents[2] / "docs" / "control.openapi.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A daemon with a peer that never comes, a source and a sink."""
    write = Step("write_object_store", {**MEMORY, "prefix": "to/", "destination": 0}, (0,))
    branches = Step("mux_and", {}, (0, 1), (write, send_step("b", destinations=(1,))))
    program = gateway(
        "a", Step("read_object_store", MEMORY, (), (branches,)), dials=["b"], sinks={"0": ("a",), "1": ("b",)}
    )
    home = Home(tmp_path_factory.mktemp("schema") / "a", program)
    client = Client(home.start()["control_port"])
    yield client
    assert client.ask("GET", "/v1/status")[0] == 200, "it has outlived all that"
    assert client.ask("POST", "/v1/stop")[0] == 200


# An event stream that follows never ends, and `stop` ends the gateway that the others are asked.
OPERATIONS = [call for call in CALLS if call.name != "stop"]
ALWAYS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def usable(call: Call, case: Any, *, positive: bool) -> None:
    """Bend *case* so that it meets more than the first check: this gateway has one partition and two destinations."""
    if call.name == "events" and str((case.query or {}).get("follow", True)).lower() == "true":
        case.query = {**(case.query or {}), "follow": "false"}
    if call.name == "shards" and positive:
        for shard in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(shard, dict) and isinstance(shard.get("destinations"), list):
                shard["partition"] = "job"
                shard["destinations"] = sorted({one % 2 for one in shard["destinations"] if isinstance(one, int)})


def ask(client: Client, call: Call, mode: schemathesis.GenerationMode, checks: list[Any]) -> set[int]:
    """Ask *call* in `EXAMPLES` ways that its document allows (or forbids) and return the status codes that came."""
    document = openapi.document()
    del document["security"]  # each request brings the token; without one it is a stranger's, below
    operation = schemathesis.openapi.from_dict(document)[call.path][call.method]
    seen: set[int] = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: Any) -> None:
        usable(call, case, positive=mode is schemathesis.GenerationMode.POSITIVE)
        response = case.call(
            base_url=f"http://127.0.0.1:{client.port}", headers={"Authorization": "Bearer token"}, timeout=30
        )
        seen.add(response.status_code)
        case.validate_response(response, checks=checks)

    answers()
    return seen


@pytest.mark.parametrize("call", OPERATIONS, ids=lambda call: call.name)
def test_a_gateway_answers_as_its_document_says(client: Client, call: Call) -> None:
    seen = ask(client, call, schemathesis.GenerationMode.POSITIVE, ALWAYS)

    assert call.status in seen


@pytest.mark.parametrize(
    "call", [call for call in OPERATIONS if call.body is not None or call.query], ids=lambda call: call.name
)
def test_what_the_document_forbids_is_refused(client: Client, call: Call) -> None:
    seen = ask(client, call, schemathesis.GenerationMode.NEGATIVE, [*ALWAYS, negative_data_rejection])

    assert 400 in seen


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_other_methods_and_strangers_are_turned_away(client: Client, call: Call) -> None:
    allowed = {other.method for other in CALLS if other.path == call.path}

    for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"} - allowed:
        assert client.ask(method, call.path)[0] == 405
    assert client.ask(call.method, call.path, token="guess")[0] == 401


def test_the_document_in_docs_is_the_one_that_is_served(client: Client) -> None:
    """docs/control.md says how to write it again."""
    status, served = client.ask("GET", "/v1/openapi.json")

    assert status == 200
    assert DOCUMENT.read_bytes() == openapi.text()
    assert served == json.loads(DOCUMENT.read_text())


def test_every_call_stands_on_the_page() -> None:
    page = DOCUMENT.with_name("control.md").read_text()

    for call in CALLS:
        assert f"`{call.method} {call.path}" in page
        for query in call.query:
            assert query.name in page
