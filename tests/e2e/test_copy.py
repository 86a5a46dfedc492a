"""The whole way: real Terraform, SSH, daemons and sockets; contents compared byte for byte."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gateway.units import MIB
from skytf import Client, Copy, Hooks, Progress, Target
from skytf.model.job import LinkShape
from skytf.model.region import Region
from tests.e2e.trees import SMALL, contents, plant


def copy(source: Path | str, *destinations: Path | str) -> Copy:
    return Copy(Target(str(source)), tuple(Target(str(one)) for one in destinations), recursive=True)


def test_a_directory_arrives_byte_for_byte(client: Client, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")

    report = client.copy([copy(tmp_path / "in", tmp_path / "out")], SMALL)

    assert report is not None
    assert report.outcome == "done"
    assert contents(tmp_path / "out") == files
    (result,) = report.jobs[0].destinations
    assert (result.done, result.verified, result.failed) == (len(files), len(files), 0)


def test_modification_times_arrive(client: Client, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=3, large=1)
    for path in (tmp_path / "in").rglob("*.bin"):
        os.utime(path, (1_500_000_000, 1_500_000_000.25))

    client.copy([copy(tmp_path / "in", tmp_path / "out")], SMALL)

    assert (tmp_path / "out/large/0.bin").stat().st_mtime == 1_500_000_000.25


def test_one_source_reaches_two_destinations(client: Client, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")

    report = client.copy([copy(tmp_path / "in", tmp_path / "one", tmp_path / "two")], replace(SMALL, instances=1))

    assert report is not None
    assert report.outcome == "done"
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == files


def test_a_relay_forwards_what_it_cannot_read(client: Client, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")

    report = client.copy([copy(tmp_path / "in", tmp_path / "out")], replace(SMALL, instances=1, via="local:r"))

    assert report is not None
    assert report.gateways == 3
    assert contents(tmp_path / "out") == files


def test_other_codecs_pass_a_relay_that_does_not_have_them(client: Client, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")
    options = replace(SMALL, instances=1, via="local:r", compression="zstd", cipher="xchacha20poly1305")

    report = client.copy([copy(tmp_path / "in", tmp_path / "out")], options)

    assert report is not None
    assert report.outcome == "done"
    assert contents(tmp_path / "out") == files


def test_two_jobs_share_one_fleet(client: Client, tmp_path: Path) -> None:
    first = plant(tmp_path / "first", seed=1)
    second = plant(tmp_path / "second", seed=2, small=50)
    jobs = [copy(tmp_path / "first", tmp_path / "out/first"), copy(tmp_path / "second", tmp_path / "out/second")]

    report = client.copy(jobs, replace(SMALL, instances=1))

    assert report is not None
    assert report.gateways == 2
    assert contents(tmp_path / "out/first") == first
    assert contents(tmp_path / "out/second") == second


def test_a_destination_at_the_source_site_is_written_by_its_readers(client: Client, tmp_path: Path) -> None:
    files = plant(tmp_path / "in")
    here = Copy(Target(str(tmp_path / "in")), (Target(str(tmp_path / "out"), region="local:a"),), recursive=True)

    report = client.copy([here], SMALL)

    assert report is not None
    assert report.gateways == 2
    assert contents(tmp_path / "out") == files


def test_a_single_file_keeps_its_name_in_a_directory_and_takes_a_new_one_otherwise(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("content")
    (tmp_path / "a.txt.neighbour").write_text("not asked for")
    (tmp_path / "there").mkdir()
    targets = (Target(str(tmp_path / "there")), Target(str(tmp_path / "new/b.txt")))

    client.copy([Copy(Target(str(tmp_path / "a.txt")), targets)], replace(SMALL, instances=1))

    assert contents(tmp_path / "there") == {"a.txt": b"content"}
    assert contents(tmp_path / "new") == {"b.txt": b"content"}


def test_progress_counts_the_chunks_of_an_object_that_is_not_complete(home: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    class Listener(Hooks):
        def on_progress(self, progress: Progress) -> None:
            seen.append(progress.destinations[0].bytes_done)

    (tmp_path / "in").mkdir()
    size_bytes = 40 * MIB
    (tmp_path / "in/one").write_bytes(bytes(size_bytes))
    shape = LinkShape(Region("local", "a"), Region("local", "b"), link_mbps=200)
    options = replace(SMALL, instances=1, compression="none", shapes=(shape,))

    Client(home=home, hooks=Listener()).copy([copy(tmp_path / "in", tmp_path / "out")], options)

    assert any(0 < one < size_bytes for one in seen)
    assert seen == sorted(seen)
    assert seen[-1] == size_bytes
