"""A part of what was surveyed has the same sizes, and is never more than its share."""

from __future__ import annotations

import pytest

from skytf.model.survey import JobSurvey, SizeClass
from skytf.rehearsal.volume import capped

MANY = JobSurvey(
    "job-0",
    1_000_103,
    10**9 + 3 * 10**11,
    2 * 10**11,
    sizes=(SizeClass(0, 100, 0), SizeClass(1024, 10**6, 10**9), SizeClass(1 << 37, 3, 3 * 10**11)),
    fingerprint=(),
    listing_sha256="ab",
)


def test_all_of_it_is_as_it_was() -> None:
    found = capped((MANY,), 1.0)

    assert found.surveys[0].sizes == MANY.sizes
    assert found.notes == ()


def test_each_class_gives_its_part() -> None:
    (found,) = capped((MANY,), 0.01).surveys

    small = found.sizes[1]
    assert (small.upto_bytes, small.objects, small.bytes) == (1024, 10_000, 10**7)
    assert found.sizes[0] == SizeClass(0, 1, 0)


@pytest.mark.parametrize("share", [1e-7, 0.00033, 0.01, 0.4, 0.999])
def test_it_is_never_more_than_its_share(share: float) -> None:
    (found,) = capped((MANY,), share).surveys

    assert found.bytes <= MANY.bytes * share + len(MANY.sizes)
    assert found.objects <= MANY.objects * share + len(MANY.sizes)
    assert found.largest_bytes <= MANY.largest_bytes
    assert found.bytes == sum(one.bytes for one in found.sizes)
    assert found.objects == sum(one.objects for one in found.sizes)


def test_an_object_larger_than_the_share_is_shortened_and_said_so() -> None:
    found = capped((MANY,), 0.001)

    assert found.surveys[0].sizes[-1] == SizeClass(1 << 29, 1, 3 * 10**8)
    assert any("largest objects" in note and "are shortened to 286.1 MiB" in note for note in found.notes)


def test_no_object_is_more_than_a_fair_part_of_the_job() -> None:
    many = JobSurvey("job-0", 10**6, 200 * 10**12, 2 * 10**8, sizes=(SizeClass(1 << 28, 10**6, 200 * 10**12),))

    found = capped((many,), 5e-6, {"job-0": 64})

    assert found.surveys[0].sizes == (SizeClass(1 << 24, 64, 10**9),)
    assert any("of some 190.7 MiB, are shortened to 14.9 MiB" in note for note in found.notes)


def test_small_objects_stay_as_they_are_and_large_ones_are_as_many_as_there_were() -> None:
    (found,) = capped((MANY,), 0.01, {"job-0": 64}).surveys

    assert found.sizes[:2] == (SizeClass(0, 1, 0), SizeClass(1024, 10_000, 10**7))
    assert found.sizes[-1] == SizeClass(1 << 30, 3, 3 * 10**9)


@pytest.mark.parametrize("share", [5e-6, 0.5])
def test_nothing_is_said_of_objects_that_keep_their_size(share: float) -> None:
    many = JobSurvey("job-0", 10**6, 200 * 10**12 - 1, 2 * 10**8, sizes=(SizeClass(1 << 28, 10**6, 200 * 10**12 - 1),))

    found = capped((many,), share)

    assert not any("shortened" in note for note in found.notes)


def test_objects_that_nobody_has_looked_at_are_equally_large() -> None:
    assumed = JobSurvey("job-0", 1_000, 1_000_000_000, 0, assumed=True)

    found = capped((assumed,), 0.01)

    assert found.surveys[0].sizes == (SizeClass(1 << 20, 10, 10_000_000),)
    assert not found.surveys[0].assumed
    assert any("equally large" in note for note in found.notes)


def test_nothing_of_the_source_is_left_in_it() -> None:
    (found,) = capped((MANY,), 0.1).surveys

    assert (found.listing_sha256, found.fingerprint, found.sample, found.skipped) == ("", (), (), {})
