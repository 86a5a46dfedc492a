from __future__ import annotations

from skytf.model.copy import Target
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient
from tests.skytf.cli.results import DIFFERENT, SAME


def test_the_same_is_exit_0(run: Run, client: FakeClient) -> None:
    result = run("verify", "/data", "s3://b/x", "--endpoint-url", "http://e", "-r")

    ((copy,),) = client.named("verify")
    assert result.exit_code == 0
    assert (copy.source, copy.destinations, copy.recursive) == (
        Target("/data"),
        (Target("s3://b/x", "http://e"),),
        True,
    )
    assert result.stdout == "✓ s3://b/x  13 objects, 1000 B, all the same\n"


def test_one_different_destination_is_exit_6_and_examples(run: Run, client: FakeClient) -> None:
    client.comparisons = [SAME, DIFFERENT]

    result = run("verify", "a", "b", "c")

    assert result.exit_code == 6
    assert "13 objects, 1000 B: 1 missing, 1 different" in result.stdout
    assert "missing    s3://b/x/a" in result.stdout
    assert "different  s3://b/x/b" in result.stdout
