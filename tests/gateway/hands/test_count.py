from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.hands.count import processes_of
from gateway.program import Group, Peer, Program, Settings, Step

SENDS = Group(("job",), Step("gen_data", children=(Step("send", {"peer": "b"}),)))
PROGRAM = Program("a", (SENDS,), (Peer("b", dial=True, connections=16),))


@pytest.mark.parametrize(
    ("cpus", "processes"), [(0.5, 1), (1, 1), (2, 1), (4, 1), (7.9, 1), (8, 2), (16, 4), (32, 8), (128, 8)]
)
def test_the_machine_says_how_many(cpus: float, processes: int) -> None:
    assert processes_of(PROGRAM, cpus) == (processes, "")


def test_who_knows_better_is_heard() -> None:
    assert processes_of(replace(PROGRAM, settings=Settings(processes=3)), 1) == (3, "")


def test_there_are_no_more_than_connections() -> None:
    program = replace(PROGRAM, peers=(Peer("b", dial=True, connections=2),), settings=Settings(processes=9))

    assert processes_of(program, 64) == (2, "")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (replace(PROGRAM, settings=Settings(processes=2, link_tls=True)), "TLS"),
        (replace(PROGRAM, peers=(), settings=Settings(processes=2)), "no connections"),
        (
            replace(
                PROGRAM,
                groups=(Group(("job",), Step("receive", children=(Step("write", {"store": {"scheme": "memory"}}),))),),
                settings=Settings(processes=2),
            ),
            "memory",
        ),
    ],
)
def test_where_it_cannot_be_it_is_one_and_says_why(program: Program, words: str) -> None:
    processes, why = processes_of(program, 64)

    assert processes == 1
    assert words in why
