"""``--source-drift pin``: exactly the versions that were listed and reviewed are moved, however the source goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import Client, Copy, Hooks, Target
from skytf.errors import Refused
from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.stores import objects
from tests.e2e.test_copy import copy
from tests.e2e.trees import SMALL, contents, plant
from tests.servers import S3Server

PINNED = replace(SMALL, instances=1, source_drift="pin")


class Between(Hooks):
    """Does something after the source was compared with what was reviewed, and before anything is read."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def on_phase(self, phase: str, text: str) -> None:
        if phase == "transferring":
            self._act()


def test_new_objects_are_left_where_they_are_and_named(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=10, large=1)
    client = Client(home=home)
    client.plan([copy(tmp_path / "in", tmp_path / "out")], PINNED, out=tmp_path / "bundle")
    (tmp_path / "in" / "new").write_text("came after the review")

    report = client.apply(tmp_path / "bundle")

    assert report.outcome == "done"
    assert contents(tmp_path / "out") == files
    assert any(f"not pinned and not copied: {tmp_path}/in/new" in one for one in report.warnings)


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_pinned_objects_that_moved_are_refused_before_anything_is_created(
    home: Path, tmp_path: Path, change: str
) -> None:
    plant(tmp_path / "in", small=10, large=0)
    client = Client(home=home)
    client.plan([copy(tmp_path / "in", tmp_path / "out")], PINNED, out=tmp_path / "bundle")
    victim = tmp_path / "in" / "edge" / "above"
    size_bytes = victim.stat().st_size
    victim.unlink()
    if change == "changed":
        victim.write_bytes(b"\1" * size_bytes)

    with pytest.raises(Refused, match=rf"1 of its pinned objects changed or are gone: {victim} (has|is) {change}"):
        client.apply(tmp_path / "bundle")

    assert not (tmp_path / "out").exists()


def test_a_file_that_changes_between_the_check_and_its_read_fails_by_itself(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=10, large=1)
    victims = [tmp_path / "in" / name for name in ("edge/threshold", "large/0.bin")]

    def change() -> None:
        for victim in victims:
            victim.write_bytes(b"\1" * victim.stat().st_size)

    client = Client(home=home, hooks=Between(change))
    client.plan([copy(tmp_path / "in", tmp_path / "out")], PINNED, out=tmp_path / "bundle")

    report = client.apply(tmp_path / "bundle")

    assert report.outcome == "incomplete"
    assert sorted(failure.source for failure in report.failures) == sorted(map(str, victims))
    arrived = contents(tmp_path / "out")
    assert arrived == {name: content for name, content in files.items() if tmp_path / "in" / name not in victims}


def test_an_object_of_s3_that_changes_between_the_check_and_its_read_fails_by_itself(
    home: Path, s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in s3_server.environment.items():
        monkeypatch.setenv(name, text)
    s3 = s3_server.client()
    for name in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=f"in/{name}", Body=b"reviewed")
    source = Target(f"s3://{bucket}/in", s3_server.endpoint_url, region="local:a")
    hooks = Between(lambda: s3.put_object(Bucket=bucket, Key="in/b", Body=b"replaced"))
    client = Client(home=home, hooks=hooks)
    bundle = client.plan([Copy(source, (Target(str(tmp_path / "out")),), recursive=True)], PINNED)

    report = client.apply(bundle)

    assert report.outcome == "incomplete"
    assert [failure.source for failure in report.failures] == [f"s3://{bucket}/in/b"]
    everything = b"".join(bundle.files.values())
    assert s3_server.secret_key.encode() not in everything
    assert s3_server.access_key.encode() not in everything
    assert contents(tmp_path / "out") == {"a": b"reviewed", "c": b"reviewed"}
    assert objects(s3_server, bucket)["in/b"] == b"replaced"


@pytest.mark.slow
def test_resume_goes_on_with_the_listing_that_was_pinned(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out"), "--source-drift", "pin") as command:
        command.until_phase("transferring")
        command.kill_9()
    (tmp_path / "in" / "aaa").write_text("came between")
    (tmp_path / "in" / "zzz").write_text("came between")

    resumed = run(home, "resume", "--yes")

    report = resumed.last("report")
    (result,) = report["jobs"][0]["destinations"]
    assert (resumed.process.returncode, report["outcome"]) == (0, "done")
    assert 0 < result["before"] < result["before"] + result["done"] == len(files)
    assert contents(tmp_path / "out") == files
