from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import BadUrl
from gateway.stores.base import StoreSpec
from gateway.units import GIB, KIB, MIB
from skytf.errors import InputError
from skytf.model.copy import Copy, Options, Target
from skytf.model.job import Job, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.regions import End
from skytf.resolve import ends, resolve

CWD = Path("/work")
DEFAULTS = Options()
OFFLINE = Options(offline=True)


def in_the_cloud(end: End) -> Region:
    return Region("toy", "east")


def resolved(source: str, *destinations: str, recursive: bool = True, options: Options = DEFAULTS) -> Request:
    copy = Copy(Target(source), tuple(Target(one) for one in destinations), recursive)
    return resolve([copy], options, cwd=CWD, locate=in_the_cloud)


def only(request: Request) -> Job:
    (job,) = request.jobs
    return job


def test_paths_become_absolute_and_ends_stand_at_their_default_sites() -> None:
    job = only(resolved("in", "out"))

    assert (job.source.url, job.source.prefix, job.source.region) == ("/work/in", "work/in", Region("local", "a"))
    assert (job.destinations[0].url, job.destinations[0].region) == ("/work/out", Region("local", "b"))


def test_the_region_that_a_user_names_wins() -> None:
    copy = Copy(Target("in", region="local:x"), (Target("out", region="local:y"),))

    job = only(resolve([copy], Options(), cwd=CWD, locate=in_the_cloud))

    assert (str(job.source.region), str(job.destinations[0].region)) == ("local:x", "local:y")


def test_a_bucket_is_where_it_is_whatever_region_its_gateways_stand_in() -> None:
    copy = Copy(Target("s3://a/p", region="aws:us-east-1"), (Target("s3://b/p", region="gcp:us-central1"),))

    job = only(resolve([copy], Options(), cwd=CWD, locate=lambda _: Region("aws", "eu-west-1")))

    assert (str(job.source.region), job.source.store.region) == ("aws:us-east-1", "eu-west-1")
    assert (str(job.destinations[0].region), job.destinations[0].store.region) == ("gcp:us-central1", "eu-west-1")


def test_a_bucket_that_nobody_can_look_up_is_taken_to_be_where_its_gateways_are() -> None:
    def nobody(end: End) -> Region:
        raise InputError(f"nothing says where {end.url} is")

    copy = Copy(Target("s3://a/p", region="aws:us-east-1"), (Target("out"),))

    job = only(resolve([copy], Options(), cwd=CWD, locate=nobody))

    assert job.source.store.region == "us-east-1"


def test_every_endpoint_that_needs_keys_has_a_name_for_them() -> None:
    store = "http://127.0.0.1:9"
    copy = Copy(Target("s3://a/p", store), (Target("s3://b/p", store), Target("out")))

    job = only(resolve([copy], Options(), cwd=CWD, locate=in_the_cloud))

    names = [job.source.store.credentials, *(one.store.credentials for one in job.destinations)]
    assert names == ["job-0-source", "job-0-destination-0", ""]


@pytest.mark.usefixtures("toy_cloud")
def test_an_end_in_its_own_cloud_is_opened_without_keys() -> None:
    job = only(resolved("cos://a/p", "cos://b/p", options=OFFLINE))

    assert (job.source.access, job.source.region) == ("identity", Region("toy", "east"))
    assert job.source.store == StoreSpec("cos", "a", region="east")
    assert job.destinations[0].store.credentials == ""


@pytest.mark.usefixtures("toy_cloud")
def test_everything_about_sites_is_resolved_in_one_order() -> None:
    image = SiteOption("toy", "image", ("image-1",))
    zone = SiteOption("toy", "zones", ("east-a",))

    requests = [
        resolved("cos://a", "cos://b", options=replace(OFFLINE, sites=sites, tags=tags))
        for sites, tags in [
            ((image, zone), (("a", "1"), ("b", "2"))),
            ((zone, image), (("b", "2"), ("a", "1"))),
        ]
    ]

    assert requests[0] == requests[1]


@pytest.mark.usefixtures("toy_cloud")
def test_a_site_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="no zone of toy:east"):
        resolved("cos://a", "cos://b", options=replace(OFFLINE, sites=(SiteOption("toy", "zones", ("east-z",)),)))


@pytest.mark.usefixtures("toy_cloud")
def test_a_store_without_an_adapter_is_planned_but_not_moved() -> None:
    assert only(resolved("cos://a", "r2://account/bucket", options=OFFLINE)).destinations[0].access == "keys"

    with pytest.raises(InputError, match="moves no bytes from or to cos://") as caught:
        resolved("cos://a", "out")
    assert "--offline" in caught.value.hint


def test_who_only_reads_the_ends_asks_nobody_where_they_are() -> None:
    (job,) = ends([Copy(Target("s3://bucket/a"), (Target("out"),))], cwd=CWD)

    assert (job.source.url, job.destinations[0].url) == ("s3://bucket/a", "/work/out")


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


def test_a_bucket_alone_is_no_object() -> None:
    with pytest.raises(InputError, match="s3://b is a bucket") as caught:
        resolved("s3://b", "out", recursive=False)

    assert "--recursive" in caught.value.hint


def test_nothing_to_copy_and_no_destination_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to copy"):
        resolve([], Options(), cwd=CWD, locate=in_the_cloud)
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
        Options(cipher="rot13"),
        Options(congestion=""),
        Options(congestion="bbr; reboot"),
        Options(congestion="a-name-of-17-chrs"),
        Options(socket_buffer_bytes=-1),
        Options(processes=-1),
        Options(processes=65),
        Options(socket_buffer_bytes=GIB + 1),
        Options(gateway_credentials="mine"),
        Options(ssh_port=28_470),
        Options(ssh_port=28_485),
    ],
)
def test_options_that_cannot_be_are_refused(options: Options) -> None:
    with pytest.raises(InputError):
        resolved("a", "b", options=options)


def test_the_programs_say_that_files_are_to_be_synced() -> None:
    assert not resolved("a", "b").settings.fsync
    assert resolved("a", "b", options=Options(fsync=True)).settings.fsync


def test_the_programs_say_how_many_processes_a_gateway_has() -> None:
    assert resolved("a", "b").settings.processes == 0
    assert resolved("a", "b", options=Options(processes=3)).settings.processes == 3


def test_what_links_are_like_stands_in_the_settings_of_every_program() -> None:
    options = Options(link_tls=True, congestion="bbr", socket_buffer_bytes=MIB)

    settings = resolved("a", "b", options=options).settings

    assert (settings.link_tls, settings.congestion, settings.socket_buffer_bytes) == (True, "bbr", MIB)


def test_a_pool_holds_several_of_the_largest_frames() -> None:
    request = resolved("a", "b", options=Options(chunk_bytes=256 * MIB, threshold_bytes=256 * MIB))

    assert request.settings.pool_bytes >= 4 * 256 * MIB
