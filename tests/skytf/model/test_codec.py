from __future__ import annotations

import pytest

from gateway.program import Settings
from skytf.model.codec import decode, encode
from skytf.model.job import LinkShape, Request
from skytf.model.survey import JobSurvey, KeyRange
from skytf.model.topology import Topology
from skytf.planner import plan
from tests.skytf.requests import A, B, R, bucket, job, path, request


def test_a_request_comes_back() -> None:
    asked = Request(
        jobs=(
            job(0),
            job(1, source=path("é\udcff".encode("utf-8", "ignore").decode(), A), destinations=(bucket("b", "p/", B),)),
        ),
        via=R,
        settings=Settings(if_exists="skip"),
        shapes=(LinkShape(A, B, link_mbps=12.5),),
    )

    assert decode(encode(asked), Request) == asked


def test_a_topology_comes_back() -> None:
    topology = plan(request(instances=2, via=R))

    assert decode(encode(topology), Topology) == topology


def test_a_survey_comes_back() -> None:
    survey = JobSurvey(
        "job-0", 1, 2, 2, {"symlink": 1}, (("x", "symlink"),), (KeyRange("a", "b", 1, 2, "00"),), (("a", "b"),)
    )

    assert decode(encode(survey), JobSurvey) == survey


def test_maps_are_sorted_and_the_text_ends_in_a_newline() -> None:
    assert encode({"b": 1, "a": "é"}) == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"strategy": 1}', b"\xff"])
def test_what_is_no_topology_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text, Topology)
