"""What was measured goes back to full size, and is told apart from what this machine could not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.bundle import Bundle
from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.rehearsal.findings import THIS_MACHINE, Seen, concluded
from skytf.rehearsal.stage import Rehearsal
from skytf.report import Compared, Report
from tests.skytf.rehearsal.plans import bundle

WHOLE = Prediction(Span(1.0, 8.0, 10.0), Span(8.0, 1000.0, 9000.0), Span.exactly(1100.0), (), "a -> b")
PART = Prediction(Span(0.01, 0.08, 0.1), Span(16.0, 20.0, 160.0), Span(), (), "a -> b")
REPORT = Report("t", "done", (), 60.0, {"transferring": 25.0}, 8e6, 0, 4, warnings=("one was lost",))


@pytest.fixture(scope="module")
def given() -> Bundle:
    return bundle()


@pytest.fixture
def rehearsal(given: Bundle) -> Rehearsal:
    return Rehearsal(given, WHOLE, 10**12, PART, 0.01, is_part=True, plays_limit=True, notes=())


def test_rates_and_times_are_those_of_the_whole_plan(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, rehearsal, Seen(busy=0.3, steady_bytes_per_s=9e6))

    assert report.compared == (
        Compared("goodput_gbps", WHOLE.goodput_gbps, 7.2),
        Compared("transfer_s", WHOLE.transfer_s, round(1e12 * 8 / 7.2e9, 3)),
        Compared("played_goodput_gbps", PART.goodput_gbps, 0.064),
        Compared("played_transfer_s", PART.transfer_s, 25.0),
    )
    assert (report.rehearsal_scale, report.bottleneck, report.cost) == (0.01, "a -> b", None)
    assert report.warnings == REPORT.warnings


def test_a_plan_that_was_played_whole_fills_and_empties_its_links_too(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, replace(rehearsal, is_part=False), Seen(steady_bytes_per_s=9e6))

    assert report.compared[0].measured == pytest.approx(6.4)


@pytest.mark.parametrize(("steady_bytes_per_s", "gbps", "seconds"), [(12.7e6, 10.0, 8.0), (14e6, 11.2, 714.286)])
def test_a_little_more_than_links_can_pass_is_what_they_can(
    rehearsal: Rehearsal, steady_bytes_per_s: float, gbps: float, seconds: float
) -> None:
    report = concluded(REPORT, rehearsal, Seen(steady_bytes_per_s=steady_bytes_per_s))

    assert [one.measured for one in report.compared[:2]] == [gbps, seconds]


def test_a_machine_that_was_too_slow_is_the_bottleneck(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, rehearsal, Seen(busy=0.97, steady_bytes_per_s=4e6))

    assert report.bottleneck == THIS_MACHINE
    assert [(one.what, one.measured) for one in report.compared[:2]] == [("goodput_gbps", None), ("transfer_s", None)]
    assert report.compared[3].measured == 25.0
    assert "busy 97% of the time" in report.warnings[-1]
    assert "--rehearse-rate" in report.warnings[-1]


def test_of_a_limit_that_is_not_played_nothing_is_measured(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, replace(rehearsal, plays_limit=False), Seen(busy=0.2, steady_bytes_per_s=9.9e6))

    assert [one.measured for one in report.compared] == [None, None, 0.064, 25.0]


def test_what_is_slow_for_another_reason_is_not_blamed_on_the_machine(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, rehearsal, Seen(busy=0.2, steady_bytes_per_s=4e6))

    assert report.bottleneck == "a -> b"
    assert "slower than the links allow" in report.warnings[-1]
    assert "were not the limit" in report.warnings[-1]


@pytest.mark.parametrize("busy", [0.7, 0.84])
def test_a_loaded_machine_is_not_acquitted(rehearsal: Rehearsal, busy: float) -> None:
    report = concluded(REPORT, rehearsal, Seen(busy=busy, steady_bytes_per_s=4e6))

    assert "this machine may have been the limit" in report.warnings[-1]
    assert f"busy {busy:.0%} of the time" in report.warnings[-1]
    assert not any("not the limit" in text for text in report.warnings)
    assert (report.bottleneck, report.compared[0].measured) == ("a -> b", 3.2)


def test_a_machine_that_nobody_looked_at_is_not_acquitted(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, rehearsal, Seen(steady_bytes_per_s=4e6))

    assert report.warnings[-1] == "it was slower than the links allow; nobody looked how busy this machine was"


def test_a_busy_machine_that_kept_up_was_no_limit(rehearsal: Rehearsal) -> None:
    report = concluded(REPORT, rehearsal, Seen(busy=0.99, steady_bytes_per_s=9.9e6))

    assert (report.bottleneck, report.warnings) == ("a -> b", REPORT.warnings)


def test_of_what_did_not_end_well_nothing_is_compared(rehearsal: Rehearsal) -> None:
    report = concluded(replace(REPORT, outcome="incomplete"), rehearsal, Seen(busy=0.99))

    assert report.compared == ()
    assert report.rehearsal_scale == 0.01
