from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import BadUrl
from gateway.units import GIB, KIB, MIB
from skytf.errors import InputError
from skytf.model.copy import Copy, Options, Target
from skytf.model.job import Job, Request
from skytf.model.region import Region
from skytf.resolve import resolve

CWD = Path("/work")
DEFAULTS = Options()


def resolved(source: str, *destinations: str, recursive: bool = True, options: Options = DEFAULTS) -> Request:
    copy = Copy(Target(source), tuple(Target(one) for one in destinations), recursive)
    return resolve([copy], options, cwd=CWD)


def only(request: Request) -> Job:
    (job,) = request.jobs
    return job


def test_paths_become_absolute_and_ends_stand_at_their_default_sites() -> None:
    job = only(resolved("in", "out"))

    assert (job.source.url, job.source.prefix, job.source.region) == ("/work/in", "work/in", Region("local", "a"))
    assert (job.destinations[0].url, job.destinations[0].region) == ("/work/out", Region("local", "b"))


def test_the_region_that_a_user_names_wins() -> None:
    copy = Copy(Target("in", region="local:x"), (Target("out", region="local:y"),))

    job = only(resolve([copy], Options(), cwd=CWD))

    assert (str(job.source.region), str(job.destinations[0].region)) == ("local:x", "local:y")


def test_every_endpoint_that_needs_keys_has_a_name_for_them() -> None:
    job = only(resolved("s3://a/p", "s3://b/p", "out"))

    names = [job.source.store.credentials, *(one.store.credentials for one in job.destinations)]
    assert names == ["job-0-source", "job-0-destination-0", ""]


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("a", "a"),
        ("a", "a/b"),
        ("a/", "a/b/c"),
        ("s3://b/x", "s3://b/x"),
        ("s3://b/x", "s3://b/x/y"),
        ("s3://b", "s3://b/y"),
    ],
)
def test_a_destination_that_is_the_source_or_inside_it_is_refused(source: str, destination: str) -> None:
    with pytest.raises(InputError, match="is the source"):
        resolved(source, destination)


def test_a_symbolic_link_does_not_hide_that_the_destination_is_the_source(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "in")

    with pytest.raises(InputError, match="is the source"):
        resolved(str(tmp_path / "in"), str(tmp_path / "alias/out"))


def test_siblings_are_no_overlap() -> None:
    assert only(resolved("a", "ab")).destinations[0].prefix == "work/ab"


def test_one_destination_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        resolved("a", "b", "b/")


def test_a_single_file_goes_into_a_directory_that_exists(tmp_path: Path) -> None:
    job = only(resolved("a.txt", str(tmp_path), recursive=False))

    assert job.destinations[0].prefix.endswith("/")


def test_nothing_to_copy_and_no_destination_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to copy"):
        resolve([], Options(), cwd=CWD)
    with pytest.raises(InputError, match="no destination"):
        resolved("a")


def test_an_unknown_cloud_or_region_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="mars:olympus"):
        resolved("a", "b", options=Options(via="mars:olympus"))
    with pytest.raises(InputError, match="'nowhere' is not a region"):
        resolved("a", "b", options=Options(via="nowhere"))


def test_an_unknown_scheme_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(BadUrl) as caught:
        resolved("s3a://bucket/x", "out")

    assert "s3://" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        Options(chunk_bytes=KIB),
        Options(chunk_bytes=GIB),
        Options(threshold_bytes=GIB),
        Options(connections=0),
        Options(connections=257),
        Options(max_duration_minutes=0),
        Options(max_duration_minutes=10**9),
        Options(if_exists="perhaps"),
        Options(compression="rar"),
    ],
)
def test_options_that_cannot_be_are_refused(options: Options) -> None:
    with pytest.raises(InputError):
        resolved("a", "b", options=options)


def test_a_pool_holds_several_of_the_largest_frames() -> None:
    request = resolved("a", "b", options=Options(chunk_bytes=256 * MIB, threshold_bytes=256 * MIB))

    assert request.settings.pool_bytes >= 4 * 256 * MIB
