from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.units import GIB, MIB, TIB
from skytf.model.prediction import Prediction
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.sizing import with_duration, with_pool
from tests.skytf.requests import job, path, request

UNKNOWN = Prediction(Span(), Span(), Span())


def survey(largest_bytes: int, size_bytes: int = 0) -> JobSurvey:
    return JobSurvey("job-0", objects=1, bytes=size_bytes or largest_bytes, largest_bytes=largest_bytes, skipped={})


def test_a_pool_that_is_large_enough_stays_as_it_is() -> None:
    wanted = request()

    assert with_pool(wanted, [survey(GIB)]) == wanted


def test_a_pool_holds_the_chunks_of_the_largest_object() -> None:
    """S3 takes 10,000 parts, so the chunks of 5 TiB are 525 MiB."""
    fitted = with_pool(request(), [survey(5 * TIB)])

    assert fitted.settings.pool_bytes == 4 * 525 * MIB


def test_a_fleet_is_given_three_times_what_a_slow_line_needs() -> None:
    twice = request(
        job(destinations=(path("x", request().jobs[0].source.region), path("y", request().jobs[0].source.region)))
    )

    assert with_duration(request(), [survey(1)], UNKNOWN).ttl_minutes == 60
    assert with_duration(request(), [survey(1, 12_500_000 * 60 * 100)], UNKNOWN).ttl_minutes == 300
    assert with_duration(twice, [survey(1, 12_500_000 * 60 * 100)], UNKNOWN).ttl_minutes == 600


def test_a_longer_limit_of_the_user_is_kept() -> None:
    assert with_duration(replace(request(), ttl_minutes=90), [survey(1)], UNKNOWN).ttl_minutes == 90


@pytest.mark.usefixtures("toy_cloud")
def test_gateways_in_clouds_are_expected_to_be_faster_the_more_there_are() -> None:
    east, west = Region("toy", "east"), Region("toy", "west")
    wanted = request(job(source=path("in", east), destinations=(path("out", west),)), instances=2)

    assert with_duration(wanted, [survey(1, 125_000_000 * 60 * 100)], UNKNOWN).ttl_minutes == 150


def test_no_fleet_is_given_longer_than_a_cloud_would_give_it() -> None:
    assert with_duration(request(), [survey(1, 10**18)], UNKNOWN).ttl_minutes == 120 * 24 * 60


def test_a_fleet_is_given_three_times_the_predicted_time() -> None:
    predicted = Prediction(Span(), Span(), Span(60.0, 2 * 3600.0, None))

    assert with_duration(request(), [survey(1)], predicted).ttl_minutes == 360


def test_the_worst_case_of_a_prediction_does_not_count() -> None:
    predicted = Prediction(Span(), Span(), Span(60.0, 2 * 3600.0, 90 * 3600.0))

    assert with_duration(request(), [survey(1)], predicted).ttl_minutes == 360
