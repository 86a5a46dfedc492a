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


def test_what_fits_on_a_line_stands_on_one_and_rows_have_a_line_each() -> None:
    rows = [{"a": [1, 2], "b": {"c": 1e300}}, {"a": [], "b": {}}]

    text = encode({"long": ["x" * 60, "y" * 60], "one": [[1]], "rows": rows, "short": {"b": None, "a": [True, "z"]}})

    assert text.decode().splitlines() == [
        "{",
        '  "long": [',
        f'    "{"x" * 60}",',
        f'    "{"y" * 60}"',
        "  ],",
        '  "one": [',
        "    [1]",
        "  ],",
        '  "rows": [',
        '    {"a": [1, 2], "b": {"c": 1e+300}},',
        '    {"a": [], "b": {}}',
        "  ],",
        '  "short": {"a": [true, "z"], "b": null}',
        "}",
    ]


def test_no_line_is_longer_than_what_it_cannot_break() -> None:
    text = encode({f"key-{number}": list(range(number)) for number in range(60)}).decode()

    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"strategy": 1}', b"\xff"])
def test_what_is_no_topology_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text, Topology)
