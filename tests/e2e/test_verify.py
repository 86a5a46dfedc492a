"""`skytf verify` reads both ends again."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.commands import assert_plain, skytf
from tests.servers import S3Server

FILES = {"same": b"same", "empty": b"", "changed": b"longer", "gone": b"gone", "as long": b"abcdef"}


def test_verify_finds_what_is_missing_and_what_is_different(
    shared_home: Path, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name, content in FILES.items():
        (tmp_path / "in" / name).write_bytes(content)
        s3_server.client().put_object(Bucket=bucket, Key=f"x/{name}", Body=content)
    ends = (tmp_path / "in", f"s3://{bucket}/x", "--recursive", "--endpoint-url", s3_server.endpoint_url)

    before = skytf(shared_home, "verify", *ends, env=s3_server.environment)
    s3_server.client().put_object(Bucket=bucket, Key="x/changed", Body=b"changed")
    s3_server.client().put_object(Bucket=bucket, Key="x/as long", Body=b"abcdeF")
    s3_server.client().delete_object(Bucket=bucket, Key="x/gone")
    after = skytf(shared_home, "verify", *ends, "--json", env=s3_server.environment)

    assert before.returncode == 0, before.stderr
    assert "5 objects" in before.stdout
    assert "all the same" in before.stdout
    (found,) = (json.loads(line) for line in after.stdout.splitlines())
    assert after.returncode == 6
    assert found["missing"] == [f"s3://{bucket}/x/gone"]
    assert found["different"] == [f"s3://{bucket}/x/as long", f"s3://{bucket}/x/changed"]
    assert (found["objects"], found["missing_count"], found["different_count"]) == (2, 1, 2)


def test_an_end_that_cannot_be_read_is_no_difference(
    shared_home: Path, s3_server: S3Server, bucket: str, closed_port: int, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "empty").mkdir()
    env = s3_server.environment

    gone = skytf(shared_home, "verify", tmp_path / "gone", tmp_path / "a", "-r")
    nowhere = skytf(
        shared_home,
        "verify",
        tmp_path / "a",
        f"s3://{bucket}/a",
        "--endpoint-url",
        f"http://127.0.0.1:{closed_port}",
        env=env,
    )
    no_bucket = skytf(
        shared_home,
        "verify",
        tmp_path / "a",
        "s3://no-such-bucket/a",
        "--endpoint-url",
        s3_server.endpoint_url,
        env=env,
    )
    nothing = skytf(shared_home, "verify", tmp_path / "empty", tmp_path, "-r")

    assert_plain(gone, 2, str(tmp_path / "gone"))
    assert_plain(nothing, 2, "nothing to compare", str(tmp_path / "empty"))
    assert_plain(nowhere, 2, f"s3://{bucket}/a", f"127.0.0.1:{closed_port}")
    assert_plain(no_bucket, 2, "s3://no-such-bucket")
