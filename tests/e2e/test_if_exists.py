"""What stands at a destination already: replaced, left, or reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.units import MIB
from tests.e2e.commands import skytf
from tests.e2e.stores import objects, open_uploads
from tests.e2e.trees import contents
from tests.servers import S3Server

# One of each way to write: a whole object, and one of several chunks.
FILES = {"new": b"new", "small": b"theirs", "large": bytes(11 * MIB), "large new": bytes(6 * MIB)}
THERE = {"small": b"mine", "large": b"mine too"}
LIMITS = ("--chunk-size", "5MiB", "--threshold", "5MiB", "--recursive", "--yes", "--json")


@pytest.mark.parametrize(
    ("rule", "code", "wins", "skipped"),
    [("overwrite", 0, FILES, 0), ("skip", 0, THERE, 2), ("fail", 6, THERE, 0)],
)
def test_what_stands_there_already(  # noqa: PLR0917  # fixtures and one row of the table
    home: Path,
    s3_server: S3Server,
    bucket: str,
    tmp_path: Path,
    rule: str,
    code: int,
    wins: dict[str, bytes],
    skipped: int,
) -> None:
    for name, content in FILES.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    for name, content in THERE.items():
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
        s3_server.client().put_object(Bucket=bucket, Key=f"out/{name}", Body=content)
    ends = ("in", "out", f"s3://{bucket}/out", "--endpoint-url", s3_server.endpoint_url)

    said = skytf(home, "cp", *ends, *LIMITS, "--if-exists", rule, cwd=tmp_path, env=s3_server.environment)

    lines = [json.loads(line) for line in said.stdout.splitlines()]
    (report,) = (line for line in lines if line["kind"] == "report")
    assert (said.returncode, report["outcome"]) == (code, "incomplete" if code else "done")
    assert contents(tmp_path / "out") == {**FILES, **wins}
    assert objects(s3_server, bucket) == {f"out/{name}": content for name, content in {**FILES, **wins}.items()}
    assert open_uploads(s3_server, bucket) == []
    assert [one["skipped"] for one in report["jobs"][0]["destinations"]] == [skipped, skipped]
    conflicts = sorted((Path(one["source"]).name, one["destination"][:2]) for one in report["failures"])
    assert conflicts == ([("large", "/t"), ("large", "s3"), ("small", "/t"), ("small", "s3")] if code else [])
    assert all("exists already" in one["error"] and "--if-exists" in one["hint"] for one in report["failures"])
