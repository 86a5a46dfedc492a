from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.program import Settings
from gateway.units import MIB
from skytf.model.job import Request
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.volume.asked import requests_of
from skytf.volume.pieces import pieces_by_job
from tests.skytf.hand import EAST, IOWA, assumed, job, request, store, surveyed
from tests.skytf.requests import A


def asked(wanted: Request, surveys: Sequence[JobSurvey]) -> dict[str, dict[str, Span]]:
    found: dict[str, dict[str, Span]] = {}
    for one in requests_of(wanted, pieces_by_job(surveys, wanted.settings)):
        found.setdefault(one.end, {})[one.operation] = one.count
    return found


def test_a_small_object_is_looked_at_read_and_put() -> None:
    """2,500 objects are three pages of a listing, listed three times; a look at both ends comes before."""
    found = asked(request(job(store(EAST), store(IOWA))), [surveyed(MIB, times=2_500)])

    assert found == {
        "job-0-source": {"get": Span.exactly(5_000), "list": Span(7, 10, 10)},
        "job-0-destination-0": {"get": Span.exactly(1), "put": Span.exactly(2_500), "list": Span.exactly(3)},
    }


def test_an_empty_object_is_not_read() -> None:
    found = asked(request(job(store(EAST), store(IOWA))), [surveyed(0, times=7)])

    assert found["job-0-source"]["get"] == Span.exactly(7)
    assert found["job-0-destination-0"]["put"] == Span.exactly(7)


def test_a_large_object_is_opened_filled_completed_and_looked_at() -> None:
    """640 MiB are ten chunks (or eleven: only the size class is known)."""
    found = asked(request(job(store(EAST), store(IOWA))), [surveyed(640 * MIB)])

    assert found["job-0-source"]["get"] == Span(11, 11, 12)
    assert found["job-0-destination-0"] == {
        "get": Span.exactly(2),
        "put": Span.exactly(2),
        "multipart-part": Span(10, 10, 11),
        "list": Span.exactly(1),
    }


def test_a_single_object_is_not_listed_but_looked_at() -> None:
    found = asked(request(job(store(EAST), store(IOWA), recursive=False)), [surveyed(MIB)])

    assert found["job-0-source"] == {"get": Span(4, 5, 5), "list": Span.exactly(1)}
    assert found["job-0-destination-0"] == {"get": Span.exactly(2), "put": Span.exactly(1)}


def test_a_source_is_read_once_for_all_destinations() -> None:
    wanted = request(job(store(EAST), store(IOWA, "a"), store(IOWA, "b")))
    requests = requests_of(wanted, pieces_by_job([surveyed(MIB)], wanted.settings))

    assert [one.ends for one in requests if one.end == "job-0-source"] == [(("job-0", 0), ("job-0", 1))] * 2
    assert [one.ends for one in requests if one.end == "job-0-destination-1"] == [(("job-0", 1),)] * 3
    assert next(one.read_bytes for one in requests if one.operation == "get") == Span.exactly(MIB)


def test_paths_are_not_asked() -> None:
    found = asked(request(job(store(A), store(IOWA))), [surveyed(MIB)])

    assert list(found) == ["job-0-destination-0"]


def test_where_nothing_is_replaced_each_object_is_looked_for_and_may_not_be_written() -> None:
    settings = replace(Settings(), if_exists="skip")
    wanted = request(job(store(EAST), store(IOWA)), settings=settings)
    found = asked(wanted, [surveyed(MIB, times=10)])

    assert found["job-0-destination-0"]["get"] == Span(10, 11, 11)
    assert found["job-0-destination-0"]["put"] == Span(0, 10, 10)


def test_assumed_objects_are_asked_for_as_if_all_were_average_and_within_what_can_be() -> None:
    """10 objects, 2,000 MiB: 4 chunks each. At most 10 + 2000 / 64; only 720 MiB must be in objects that are cut."""
    found = asked(request(job(store(EAST), store(IOWA))), [assumed(10, 2_000 * MIB)])

    assert found["job-0-destination-0"]["multipart-part"] == Span(720 / 64, 40, 41.25)
    assert found["job-0-destination-0"]["put"] == Span(10, 20, 20)
    assert found["job-0-source"]["get"].likely == 50
