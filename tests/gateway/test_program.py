from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.events import Events
from gateway.delivery.runtime import Secrets
from gateway.errors import BadProgram, UsageError
from gateway.pipeline import Pipeline
from gateway.program import MOST_DEPTH, Group, Peer, Program, Settings, Step, decode, encode, reads, receives, validate
from tests.gateway.pipelines import gateway, read_step, send_step, write_step

RELAY = gateway("r", Step("receive", children=(send_step("b"),)), dials=["b"], dialled_by=["a"])


def with_head(head: Step) -> Program:
    return replace(RELAY, groups=(Group(("job",), head),))


def raw(program: Program = RELAY) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encode(program))
    return document


def deep(levels: int) -> Step:
    step = send_step("b")
    for _ in range(levels):
        step = Step("mux_and", children=(step,))
    return Step("receive", children=(step,))


def test_a_program_is_read_as_it_was_written() -> None:
    assert decode(encode(RELAY)) == RELAY


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (with_head(Step("recieve", children=(send_step("b"),))), "unknown operator 'recieve'"),
        (with_head(Step("receive", children=(Step("sned", {"peer": "b"}),))), "unknown operator 'sned'"),
        (with_head(Step("receive", children=(send_step("c"),))), "sends to 'c', which is none of its peers"),
        (with_head(Step("receive", children=(Step("send"),))), "sends to None, which is none of its peers"),
        (with_head(Step("receive", children=(send_step("r"),))), "sends to itself, which is a cycle"),
        (replace(RELAY, peers=(*RELAY.peers, Peer("r", True, 1))), "a peer of its own, which is a cycle"),
        (replace(RELAY, peers=RELAY.peers * 2), "peer 'b' twice"),
        (replace(RELAY, routes={"z": ("y",)}), "reaches 'z' by 'y', which is none of its peers"),
        (with_head(send_step("b")), "begins with 'send'"),
        (with_head(Step("receive")), "'receive' in the program of r leads nowhere"),
        (
            with_head(Step("receive", children=(Step("send", {"peer": "b"}, children=(send_step("b"),)),))),
            "has children",
        ),
        (with_head(Step("receive", children=(Step("receive", children=(send_step("b"),)),))), "below 'receive'"),
        (
            with_head(Step("receive", children=(Step("mux_and", children=(read_step(send_step("b")),)),))),
            "below 'mux_and'",
        ),
        (with_head(Step("receive", children=(Step("send", {"peer": "b"}, (-1,)),))), "count from 0"),
        (with_head(deep(MOST_DEPTH + 1)), "leads back to itself, or more than"),
        (replace(RELAY, groups=RELAY.groups * 2), "partition 'job' stands in two groups"),
        (replace(RELAY, groups=(Group(("job", "job"), RELAY.groups[0].head),)), "partition 'job' stands in two groups"),
        (replace(RELAY, groups=(Group((), RELAY.groups[0].head),)), "serves no partition"),
        (replace(RELAY, settings=Settings(slice_bytes=0)), "slice_bytes of the program of r is 0, and is at least 1"),
        (replace(RELAY, settings=Settings(readers=-1)), "readers of the program of r is -1"),
        (replace(RELAY, settings=Settings(dead_after_s=0.0)), "dead_after_s"),
        (replace(RELAY, settings=Settings(compression="gzip")), "'gzip', which is none of lz4, zstd, none"),
        (replace(RELAY, settings=Settings(cipher="rot13")), "'rot13'"),
        (replace(RELAY, settings=Settings(if_exists="ask")), "'ask'"),
    ],
)
def test_what_does_not_hold_together_is_named_when_it_is_loaded(program: Program, words: str) -> None:
    with pytest.raises(BadProgram) as refused:
        decode(encode(program))

    assert words in str(refused.value)


def test_a_tree_that_leads_back_to_itself_is_a_cycle() -> None:
    step = Step("mux_and", children=(send_step("b"),))
    object.__setattr__(step, "children", (send_step("b"), step))

    with pytest.raises(BadProgram, match="leads back to itself"):
        validate(with_head(Step("receive", children=(step,))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document.update(wings=2), "means nothing: wings"),
        (lambda document: document["settings"].update(chunk_byte=1), "means nothing: settings.chunk_byte"),
        (lambda document: document["peers"][0].update(speed=1), "means nothing: peers[0].speed"),
        (
            lambda document: document["groups"][0]["head"]["children"][0].update(when="later"),
            "means nothing: groups[0].head.children[0].when",
        ),
        (lambda document: document["peers"][0].update(connections="2"), "not a gateway program"),
        (lambda document: document.pop("gateway"), "not a gateway program"),
        (lambda document: document.update(version=2, groups="of another kind"), "has version 2, this gateway runs 1"),
    ],
)
def test_half_a_program_is_never_understood(change: Any, words: str) -> None:
    document = raw()
    change(document)

    with pytest.raises(BadProgram) as refused:
        decode(json.dumps(document).encode())

    assert words in str(refused.value)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"\xff", b'{"gateway": "\xff"}', b"[" * 100_000])
def test_garbage_is_no_program(text: bytes) -> None:
    with pytest.raises(BadProgram, match="not a gateway program"):
        decode(text)


def test_a_mux_at_the_head_reads_and_receives_as_its_branches_do() -> None:
    source, relay, leaf = read_step(send_step("b")), Step("receive", children=(send_step("b"),)), send_step("b")

    assert [(reads(head), receives(head)) for head in (source, relay)] == [(True, False), (False, True)]
    for op in ("mux_and", "mux_or"):
        validate(with_head(Step(op, children=(relay, leaf))))
        assert (reads(Step(op, children=(source, source))), receives(Step(op, children=(source,)))) == (True, False)
        assert (reads(Step(op, children=(source, leaf))), receives(Step(op, children=(source, leaf)))) == (True, True)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(BadProgram, match=f"a link key has 32 bytes, not {length}"):
        Secrets("t", bytes(length), "token", bytes(32))
    with pytest.raises(BadProgram, match=f"a payload key has 32 bytes, not {length}"):
        Secrets("t", bytes(32), "token", bytes(length))


@pytest.mark.parametrize(
    "head",
    [
        Step("read_local", {}, children=(Step("discard", {"destination": 0}),)),
        Step("read_local", {"store": {"scheme": "gopher"}}, children=(Step("discard", {"destination": 0}),)),
        Step("receive", children=(Step("discard"),)),
        Step("receive", children=(send_step("b"), Step("discard", {"destination": "zero"}))),
        Step("gen_data", {"seed": "x"}, children=(send_step("b"),)),
        Step("gen_data", {"sed": 1}, children=(send_step("b"),)),
        Step("receive", {"peer": "b"}, children=(send_step("b"),)),
        Step("receive", children=(Step("discard", {"destination": 0, "fsync": True}),)),
        Step("receive", children=(Step("write_local", {"store": {"scheme": "file"}, "destination": 0}),)),
    ],
)
def test_a_gateway_that_refuses_its_program_has_started_nothing(head: Step) -> None:
    before = threading.enumerate()
    program = gateway("a", head, dials=["b"])

    with pytest.raises(UsageError):
        Pipeline(program, Secrets("t", bytes(32), "token", bytes(32)), Events())

    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def test_a_relay_with_a_source_in_it_needs_the_key(tmp_path: Path) -> None:
    program = gateway("a", read_step(write_step(tmp_path)), sinks={"0": ("a",)})

    with pytest.raises(BadProgram, match="no payload key"):
        Pipeline(program, Secrets("t", bytes(32), "token", None), Events())
