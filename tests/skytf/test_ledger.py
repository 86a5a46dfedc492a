from __future__ import annotations

import signal

from skytf.bundle import Manifest, compose
from skytf.errors import Interrupted, TransferFailed
from skytf.ledger import MAX_FAILURES, Ledger
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.report import Failure, Report
from skytf.tally import Outcome, Tally
from skytf.verification import Found
from tests.skytf.requests import request


def report(ledger: Ledger, *, error: BaseException | None = None) -> Report:
    wanted = request()
    survey = JobSurvey("job-0", objects=3, bytes=30, largest_bytes=10, skipped={"symlink": 1})
    bundle = compose(
        manifest=Manifest(wanted, (survey,)),
        topology=plan(wanted),
        programs={},
        infra={},
        plan_md=b"",
        plan_html=b"page",
    )
    return ledger.report("t", bundle, error=error, failures_file="/f")


def test_a_transfer_that_lost_nothing_is_done() -> None:
    ledger = Ledger(phase_s={"transferring": 2.0})
    ledger.outcome = Outcome({("job-0", 0): Tally(objects=3, bytes=30)}, (), 1)
    ledger.found["job-0", 0] = Found(objects=3, bytes=30)

    made = report(ledger)

    (destination,) = made.jobs[0].destinations
    assert (made.outcome, made.exit_code, made.goodput_bytes_per_s, made.frames_resent) == ("done", 0, 15.0, 1)
    assert (destination.done, destination.verified, made.jobs[0].not_copied) == (3, 3, {"symlink": 1})
    assert made.failures_file == ""


def test_a_failed_object_makes_it_incomplete() -> None:
    ledger = Ledger()
    ledger.fail(Failure("/in/a", "/out", "no room"))

    made = report(ledger)

    assert (made.outcome, made.exit_code, made.failures_file) == ("incomplete", 6, "/f")


def test_errors_and_interruptions_are_told_apart() -> None:
    assert report(Ledger(), error=TransferFailed("x")).outcome == "failed"
    assert report(Ledger(), error=Interrupted("x", signal_number=signal.SIGINT)).outcome == "interrupted"


def test_only_the_first_failures_are_kept_and_all_are_counted() -> None:
    ledger = Ledger()
    for number in range(MAX_FAILURES + 5):
        ledger.fail(Failure(f"/in/{number}", "/out", "no room"))

    assert (len(ledger.failures), ledger.failed) == (MAX_FAILURES, MAX_FAILURES + 5)
