from __future__ import annotations

import pytest

from skytf.cli.values import parse_shape
from skytf.errors import InputError
from skytf.model.copy import Options
from skytf.model.job import LinkShape
from skytf.model.region import Region
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient

A, B = Region("local", "a"), Region("local", "b")


def planned(run: Run, client: FakeClient, *arguments: str) -> Options:
    """Return the options that a plan with these arguments gets."""
    result = run("plan", "a", "b", *arguments)
    assert result.exit_code == 0, result.output
    (call,) = client.named("plan")
    options = call[1]
    assert isinstance(options, Options)
    return options


def test_sizes_are_bytes(run: Run, client: FakeClient) -> None:
    options = planned(run, client, "--chunk-size", "8MiB", "--threshold", "1GB")

    assert (options.chunk_bytes, options.threshold_bytes) == (8 << 20, 10**9)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90m", 90), ("90min", 90), ("2h", 120), ("1h30m", 90), ("2d", 2880), ("61s", 2), ("1h 5m", 65)],
)
def test_durations_are_minutes(run: Run, client: FakeClient, text: str, minutes: int) -> None:
    assert planned(run, client, "--max-duration", text).max_duration_minutes == minutes


@pytest.mark.parametrize("text", ["", "0", "0h", "soon", "-5", "1.5h", "h"])
def test_what_is_no_duration_is_refused(run: Run, text: str) -> None:
    result = run("plan", "a", "b", f"--max-duration={text}")

    assert result.exit_code == 2
    assert "is not a duration" in result.stderr


def test_a_duration_whose_end_has_no_date_is_refused(run: Run) -> None:
    result = run("plan", "a", "b", "--max-duration=99999999999d")

    assert result.exit_code == 2
    assert "longer than a year" in result.stderr


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("local:a->local:b=link=200,connection=12.5,delay=75", LinkShape(A, B, 200.0, 12.5, 75.0)),
        (" local:b -> local:a = delay=5 ", LinkShape(B, A, delay_ms=5.0)),
    ],
)
def test_a_shape_names_a_link_and_its_limits(text: str, shape: LinkShape) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text",
    [
        "",
        "local:a",
        "local:a->local:b",
        "local:a->local:b=",
        "local:a->local:b=speed=5",
        "local:a->local:b=link=fast",
        "local:a->local:b=link=-1",
        "local:a->local:b=link=1,link=2",
        "here->local:b=link=1",
    ],
)
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_shape(text)


def test_shapes_repeat(run: Run, client: FakeClient) -> None:
    options = planned(run, client, "--shape", "local:a->local:b=link=1", "--shape", "local:b->local:a=delay=2")

    assert [shape.source for shape in options.shapes] == [A, B]
