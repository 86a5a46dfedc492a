"""Buckets at one end, at both, and beside a path: real HTTP, real signatures, contents compared byte for byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from gateway.units import MIB
from skytf import Client, Copy, Target
from tests.e2e.stores import guarded_server, heads, objects, open_uploads, write_profiles
from tests.e2e.trees import SMALL, contents, plant
from tests.servers import S3Server

ONE = replace(SMALL, instances=1)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> S3Server:
    """The session's server, with its keys where everybody has them."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def guarded() -> Iterator[S3Server]:
    with guarded_server() as server:
        yield server


@pytest.fixture
def other_guarded() -> Iterator[S3Server]:
    with guarded_server() as server:
        yield server


def test_a_directory_goes_to_s3_and_comes_back(client: Client, here: S3Server, bucket: str, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=40, large=1)
    os.utime(tmp_path / "in/large/0.bin", (1_500_000_000, 1_500_000_000.25))
    os.utime(tmp_path / "in/empty/one", (1_400_000_000, 1_400_000_000.5))
    there = Target(f"s3://{bucket}/data", here.endpoint_url)

    up = client.copy([Copy(Target(str(tmp_path / "in")), (there,), recursive=True)], SMALL)
    found = heads(here, bucket)
    kept = objects(here, bucket)
    down = client.copy([Copy(there, (Target(str(tmp_path / "out")),), recursive=True)], ONE)

    assert up is not None
    assert down is not None
    assert (up.outcome, down.outcome) == ("done", "done")
    # This server reports a CRC-64/NVME of every object; a file system reports none.
    assert [one.jobs[0].destinations[0].digests for one in (up, down)] == ["store", "sinks"]
    assert kept == {f"data/{name}": content for name, content in files.items()}
    assert contents(tmp_path / "out") == files
    assert open_uploads(here, bucket) == []
    assert found["data/large/0.bin"]["ETag"].endswith('-3"'), "13 MiB are three parts of 5 MiB"
    assert "-" not in found["data/edge/threshold"]["ETag"]
    assert found["data/names \u2713/100%.txt"]["ContentType"] == "text/plain"
    assert (tmp_path / "out/large/0.bin").stat().st_mtime == 1_500_000_000.25
    assert (tmp_path / "out/empty/one").stat().st_mtime == 1_400_000_000.5


def test_two_servers_are_opened_with_the_keys_of_each(
    client: Client, guarded: S3Server, other_guarded: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(3)
    source, destination = guarded.make_bucket("source"), other_guarded.make_bucket("destination")
    files = {"large": random.randbytes(11 * MIB), "small \u2713+%20": b"small", "empty": b"", "folder/": b""}
    for key, content in files.items():
        guarded.client().put_object(
            Bucket=source,
            Key=f"from/{key}",
            Body=content,
            ContentType="application/x-own",
            CacheControl="max-age=60",
            Metadata={"colour": "blue", "mtime": "1500000000.25"},
        )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(write_profiles(tmp_path / "config", mine=guarded, yours=other_guarded)))
    ends = (
        Target(f"s3://{source}/from", guarded.endpoint_url, "mine"),
        Target(f"s3://{destination}/to", other_guarded.endpoint_url, "yours"),
    )

    report = client.copy([Copy(ends[0], (ends[1],), recursive=True)], ONE)

    assert report is not None
    assert report.outcome == "done"
    assert objects(other_guarded, destination) == {f"to/{key}": content for key, content in files.items()}
    for head in heads(other_guarded, destination).values():
        assert (head["ContentType"], head["CacheControl"]) == ("application/x-own", "max-age=60")
        assert head["Metadata"] == {"colour": "blue", "mtime": "1500000000.25"}
    assert heads(other_guarded, destination)["to/large"]["ETag"].endswith('-3"')
    assert open_uploads(other_guarded, destination) == []


def test_a_relay_serves_a_path_and_a_bucket_from_one_read(
    client: Client, here: S3Server, bucket: str, tmp_path: Path
) -> None:
    files = plant(tmp_path / "in", small=20, large=1)
    ends = (Target(str(tmp_path / "out")), Target(f"s3://{bucket}", here.endpoint_url))

    report = client.copy([Copy(Target(str(tmp_path / "in")), ends, recursive=True)], replace(ONE, via="local:r"))

    assert report is not None
    assert (report.outcome, report.gateways) == ("done", 3)
    assert [one.verified for one in report.jobs[0].destinations] == [len(files), len(files)]
    assert contents(tmp_path / "out") == files
    assert objects(here, bucket) == files, "no key gains a leading slash"
    assert open_uploads(here, bucket) == []


def test_keys_are_mapped_as_they_are_written(client: Client, here: S3Server, bucket: str, tmp_path: Path) -> None:
    for key in ("foo", "foo/x", "foo/y/z", "foobar", "foobar/x"):
        here.client().put_object(Bucket=bucket, Key=key, Body=key.encode())
    target = here.make_bucket(f"{bucket}-2")

    def s3(name: str, key: str) -> Target:
        return Target(f"s3://{name}/{key}", here.endpoint_url)

    jobs = [
        Copy(s3(bucket, "foo"), (Target(str(tmp_path / "below")), s3(target, "")), recursive=True),
        Copy(s3(bucket, "foo"), (Target(str(tmp_path / "one/renamed")), s3(target, "exact/"))),
    ]

    report = client.copy(jobs, ONE)

    assert report is not None
    assert report.outcome == "done"
    assert contents(tmp_path / "below") == {"x": b"foo/x", "y/z": b"foo/y/z"}
    assert contents(tmp_path / "one") == {"renamed": b"foo"}
    assert objects(here, target) == {"x": b"foo/x", "y/z": b"foo/y/z", "exact/foo": b"foo"}
