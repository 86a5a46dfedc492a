from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import BadProgram
from gateway.program import Group, Peer, Program, Step, decode, encode, steps, validate
from gateway.stores.base import StoreSpec
from skytf.model.job import Endpoint, Request
from skytf.planner import plan
from skytf.programs import check_fleet, programs
from tests.skytf.requests import A, B, C, R, bucket, job, path, request


def made(wanted: Request) -> dict[str, Program]:
    found = programs(plan(wanted), wanted)
    for program in found.values():
        validate(program)
    return found


def ops(step: Step) -> list[str]:
    return [one.op for one in steps(step)]


def test_the_source_reads_and_its_branches_compete_for_the_chunks() -> None:
    program = made(request(instances=2))["local-a-1"]

    assert ops(program.groups[0].head) == ["read_local", "mux_or", "send", "send"]


def test_the_destination_receives_and_writes() -> None:
    program = made(request())["local-b-0"]

    (write,) = program.groups[0].head.children
    assert program.groups[0].head.op == "receive"
    assert (write.op, write.params["prefix"], write.destinations) == ("write_local", "out", (0,))


def test_a_relay_only_receives_and_sends() -> None:
    program = made(request(via=R, instances=2))["local-r-0"]

    assert ops(program.groups[0].head) == ["receive", "mux_or", "send", "send"]


def test_multicast_branches_name_the_destinations_they_reach() -> None:
    wanted = request(job(destinations=(path("x", B), path("y", C), path("z", B))))
    program = made(wanted)["local-a-0"]

    (mux,) = program.groups[0].head.children
    assert mux.op == "mux_and"
    assert [(step.params["peer"], step.destinations) for step in mux.children] == [
        ("local-b-0", (0, 2)),
        ("local-c-0", (1,)),
    ]


def test_multicast_through_a_relay_crosses_the_first_hop_once() -> None:
    wanted = request(job(destinations=(path("x", B), path("y", C))), via=R)
    found = made(wanted)

    assert ops(found["local-a-0"].groups[0].head) == ["read_local", "send"]
    assert ops(found["local-r-0"].groups[0].head) == ["receive", "mux_and", "send", "send"]


def test_a_destination_in_the_source_region_is_written_where_it_is_read() -> None:
    wanted = request(job(destinations=(path("x", A), path("y", B))), instances=2)
    program = made(wanted)["local-a-1"]

    assert sorted(ops(program.groups[0].head)) == ["mux_and", "mux_or", "read_local", "send", "send", "write_local"]
    assert program.sinks["job-0"]["0"] == ("local-a-1",)


def test_stores_keep_their_endpoint_and_no_secret() -> None:
    wanted = request(job(source=bucket("src", "p", A), destinations=(bucket("dst", "q", B),)))
    program = made(wanted)["local-a-0"]

    assert program.groups[0].head.op == "read_object_store"
    assert program.groups[0].head.params["store"] == {
        "scheme": "s3",
        "bucket": "src",
        "endpoint_url": "http://127.0.0.1:9",
        "credentials": "keys",
    }


def test_one_side_of_every_pair_dials_also_where_two_jobs_cross() -> None:
    found = made(request(job(0), job(1, source=path("b", B), destinations=(path("x", A),)), instances=2))

    for name, program in found.items():
        for peer in program.peers:
            (back,) = [one for one in found[peer.gateway].peers if one.gateway == name]
            assert peer.dial != back.dial


def test_messages_find_their_way_through_relays_in_both_directions() -> None:
    found = made(request(via=R, instances=2))

    assert found["local-a-0"].routes["local-b-1"] == ("local-r-0", "local-r-1")
    assert found["local-b-1"].routes["local-a-0"] == ("local-r-0", "local-r-1")
    assert found["local-a-0"].routes["local-r-1"] == ("local-r-1",)


def test_partitions_with_equal_trees_share_one_group() -> None:
    found = made(request(job(0, destinations=(path("x", B),)), job(1, destinations=(path("y", B),)), via=R))

    assert found["local-r-0"].groups[0].partitions == ("job-0", "job-1")
    assert len(found["local-b-0"].groups) == 2


def test_programs_survive_their_json() -> None:
    for program in made(request(via=R)).values():
        assert decode(encode(program)) == program


def test_a_store_that_is_opened_by_identity_names_no_keys() -> None:
    end = bucket("src", "p", A)
    end = replace(end, access="identity", store=StoreSpec("s3", "src", region="us-east-1"))

    program = made(request(job(source=end)))["local-a-0"]

    assert program.groups[0].head.params["store"] == {"scheme": "s3", "bucket": "src", "region": "us-east-1"}


def test_one_site_for_both_ends_needs_no_peers() -> None:
    """R2 is reached from where the other end is."""
    r2 = Endpoint("r2://acc/b/out", StoreSpec("r2", "acc/b", credentials="keys"), "out", A)
    found = made(request(job(source=bucket("src", "p", A), destinations=(r2,)), instances=2))

    assert found.keys() == {"local-a-0", "local-a-1"}
    assert all(program.peers == () for program in found.values())
    assert ops(found["local-a-0"].groups[0].head) == ["read_object_store", "write_object_store"]


def relay(name: str, target: str, *peers: Peer) -> Program:
    head = Step("receive", {}, (0,), (Step("send", {"peer": target}, (0,)),))
    return Program(name, (Group(("job",), head),), peers)


def test_chunks_that_go_in_a_circle_are_refused() -> None:
    circle = {
        "a": relay("a", "b", Peer("b", True, 1), Peer("c", False, 1)),
        "b": relay("b", "c", Peer("c", True, 1), Peer("a", False, 1)),
        "c": relay("c", "a", Peer("a", True, 1), Peer("b", False, 1)),
    }

    with pytest.raises(BadProgram, match=r"chunks of 'job' go in a circle: (. ← ){3}.$"):
        check_fleet(circle)


def without(found: dict[str, Program], name: str) -> dict[str, Program]:
    return {key: program for key, program in found.items() if key != name}


def test_what_one_gateway_says_of_another_must_be_true() -> None:
    found = made(request())
    source, sink = found["local-a-0"], found["local-b-0"]
    mute = replace(sink, groups=(Group(("job-0",), Step("gen_data", {}, (0,), sink.groups[0].head.children)),))
    blind = replace(
        sink, groups=(Group(("job-0",), Step("receive", {}, (0,), (Step("discard", {"destination": 7}),))),)
    )
    cases = {
        "has a link with local-b-0, which has no program": without(found, "local-b-0"),
        "has a link with local-b-0, which has no link back": found | {"local-b-0": replace(sink, peers=())},
        "has the same idea of who dials": found
        | {"local-b-0": replace(sink, peers=(replace(sink.peers[0], dial=source.peers[0].dial),))},
        "sends chunks of 'job-0' to local-b-0, which does not receive them": found | {"local-b-0": mute},
        "local-b-0 does not write destination 0 of 'job-0'": found | {"local-b-0": blind},
    }

    for words, programs_of in cases.items():
        with pytest.raises(BadProgram) as refused:
            check_fleet(programs_of)
        assert words in str(refused.value)
