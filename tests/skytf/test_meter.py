"""The meter of a run: last words count, lost ones are lower bounds, and earlier runs are part of the bill."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf import spent
from skytf.home import Home, TransferDir
from skytf.measured import achieved
from skytf.meter import Meter
from skytf.model.span import Span
from skytf.monitor.events import Totals
from skytf.report import DestinationResult, JobResult, Report
from tests.skytf.hand import EAST, IOWA, job, request, store
from tests.skytf.measured.bundles import bundle_of, totals

BUNDLE = bundle_of(request(job(store(EAST), store(IOWA))))
(SOURCE,), (SINK,) = (tuple(one.gateway_id for one in BUNDLE.topology.at(region)) for region in (EAST, IOWA))
RESULT = JobResult("job-0", "s3://x", 2, 20, {}, (DestinationResult("gs://y", 2, 20, 0, 0, 0, 2, "store"),))
REPORT = Report("t", "done", (RESULT,), 9.0, {"transferring": 4.0}, 5.0, 0, 2)


@pytest.fixture
def directory(tmp_path: Path) -> TransferDir:
    return Home(tmp_path).create("20261122-160000-ab12cd")


def meter(directory: TransferDir, *, resumed: bool = False, now_s: float = 1000.0) -> Meter:
    return Meter(BUNDLE, directory, resumed=resumed, clock=lambda: now_s)


def sent(size_bytes: int) -> dict[str, Totals]:
    return {SOURCE: totals({SINK: size_bytes}), SINK: totals({SOURCE: 1})}


def run(one: Meter, *, final: bool = True) -> Report:
    one.begin()
    one.started((SOURCE, SINK))
    one.heard(sent(70), final=False)
    if final:
        one.heard(sent(100), final=True)
    return one.report(REPORT, own={"job-0-source": {"list": 3}}, fleet_s=Span.exactly(60.0))


def moved(report: Report) -> list[Span]:
    assert report.used is not None
    return [one.wire_bytes for one in report.used.moved]


def test_the_last_words_count(directory: TransferDir) -> None:
    report = run(meter(directory))

    assert report.used is not None
    assert moved(report) == [Span.exactly(100.0), Span.exactly(1.0)]
    assert [(one.operation, one.count.likely) for one in report.used.requests] == [("list", 3.0)]
    assert report.used.delivered == ((("job-0", 0), 20),)
    assert [one.seconds for one in report.used.fleet] == [Span.exactly(60.0)] * 2
    assert report.cost is not None


def test_who_was_not_heard_at_the_end_is_a_lower_bound(directory: TransferDir) -> None:
    report = run(meter(directory), final=False)

    assert moved(report) == [Span(70.0), Span(1.0)]


def test_earlier_runs_are_part_of_the_report_of_a_later_one(directory: TransferDir) -> None:
    run(meter(directory))

    report = run(meter(directory, resumed=True))

    assert moved(report) == [Span.exactly(200.0), Span.exactly(2.0)]
    assert [one.ended for one in spent.runs(directory)] == [True, True]


def test_a_killed_run_is_known_to_be_missing(directory: TransferDir) -> None:
    meter(directory).begin()
    later = meter(directory, resumed=True, now_s=1500.0)
    later.fleet_is_gone()

    report = run(later)

    assert report.used is not None
    assert report.used.fleet[0].seconds == Span(60.0, None, 560.0)
    assert moved(report)[0] == Span(100.0)
    assert report.cost is not None
    assert report.cost.total_usd.high is None


def test_a_report_is_made_again_when_the_rest_of_the_fleet_is_gone(directory: TransferDir) -> None:
    first = meter(directory)
    first.begin()
    left = first.report(REPORT, own={}, fleet_s=Span(60.0))
    later = meter(directory, resumed=True, now_s=1360.0)
    later.fleet_is_gone()

    again = later.again(left)

    assert left.used is not None
    assert again.used is not None
    assert (left.used.fleet[0].seconds, again.used.fleet[0].seconds) == (Span(60.0), Span(60.0, None, 360.0))
    assert again.cost == achieved(BUNDLE, spent.runs(directory)).cost


def test_a_report_of_an_older_version_stays_as_it_is(directory: TransferDir) -> None:
    assert meter(directory, resumed=True).again(REPORT) is REPORT
