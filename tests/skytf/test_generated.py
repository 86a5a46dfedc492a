"""Objects that nobody has: as many and as large as was surveyed, the same ones each time."""

from __future__ import annotations

import pytest

from gateway.errors import BadUrl
from gateway.stores.base import StoreSpec
from skytf.credentials import open_endpoint
from skytf.generated import DISCARDED, GENERATED, is_rehearsal, made_up
from skytf.model.job import Endpoint, Job
from skytf.model.survey import JobSurvey, SizeClass, size_class
from tests.skytf.requests import A, B, job, request

SIZES = (SizeClass(0, 2, 0), SizeClass(1024, 100, 70_000), SizeClass(1 << 20, 3, 2_000_001))
SURVEY = JobSurvey("job-0", 105, 2_070_001, 666_667, sizes=SIZES)


def made(prefix: str = "in", *, recursive: bool = True) -> Job:
    source = Endpoint(f"generated://b/{prefix}", StoreSpec(GENERATED, "b"), prefix, A)
    return Job("job-0", source, (Endpoint("discard://c/out", StoreSpec(DISCARDED, "c"), "out", B),), recursive)


def test_they_are_as_many_and_as_large_as_was_surveyed() -> None:
    found = list(made_up(made(), SURVEY))

    assert len(found) == 105
    assert sum(one.size_bytes for one in found) == 2_070_001
    for one in SIZES:
        sizes = [entry.size_bytes for entry in found if size_class(entry.size_bytes) == one.upto_bytes]
        assert (len(sizes), sum(sizes)) == (one.objects, one.bytes)


def test_they_are_in_the_order_of_their_keys_and_the_same_each_time() -> None:
    found = list(made_up(made(), SURVEY))

    keys = [one.key for one in found]
    assert keys == sorted(set(keys))
    assert all(one.key == f"in/{one.suffix}" for one in found)
    assert list(made_up(made(), SURVEY)) == found


def test_large_and_small_ones_come_mixed() -> None:
    found = list(made_up(made(), SURVEY))

    places = [place for place, one in enumerate(found) if one.size_bytes > 1024]
    assert places != list(range(min(places), min(places) + 3))


def test_a_job_of_one_object_keeps_its_key() -> None:
    survey = JobSurvey("job-0", 1, 5, 5, sizes=(SizeClass(8, 1, 5),))

    (only,) = made_up(made("in/one.bin", recursive=False), survey)

    assert (only.key, only.suffix, only.size_bytes) == ("in/one.bin", "one.bin", 5)


def test_no_adapter_opens_what_is_made_up() -> None:
    job = made()

    for end in (job.source, *job.destinations):
        with pytest.raises(BadUrl):
            open_endpoint(end)


def test_a_rehearsal_is_told_by_its_ends() -> None:
    assert is_rehearsal(request(made()))
    assert not is_rehearsal(request(job()))
