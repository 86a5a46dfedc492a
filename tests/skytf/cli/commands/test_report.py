from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.errors import InputError
from skytf.model.span import Span
from skytf.report import Compared
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import INCOMPLETE, REPORT, FakeClient


def test_predicted_and_measured_stand_side_by_side_and_what_lies_outside_is_marked(
    run: Run, client: FakeClient
) -> None:
    client.ending = INCOMPLETE

    lines = [" ".join(line.split()) for line in run("report").stdout.splitlines()]

    assert lines == [
        "incomplete transfer t-0001",
        "PREDICTED BETWEEN MEASURED",
        "bytes move 1 h 40 min 1 h 30 min to 1 h 57 min 2 h 10 min outside",
        "fleet stands 1 h 47 min at least 1 h 32 min 2 h",
        "goodput 4 Gbit/s 3.4 to 4.5 Gbit/s 3.1 Gbit/s outside",
        "egress $58.00 $50.00 to $70.00 $60.00",
        "requests unknown unknown at least < $0.01",
        "in all $58.00 $50.00 to $70.00 at least $60.00",
        "→ s3://b/x $58.00 $50.00 to $70.00 at least $60.00",
        "bottleneck, as predicted: aws:us-east-1 -> gcp:us-central1",
        "used: 2.7 TiB from aws:us-east-1 to gcp:us-central1",
        "used: 2 gateways of aws:us-east-1 for 2 h",
        "used: 1,200 get requests of /data",
        "used: at least 800 put requests of s3://b/x",
        "unknown: what gcp-us-central1-1 did after it was last heard",
    ]


@pytest.mark.parametrize(("outcome", "marks"), [("done", 2), ("incomplete", 2), ("interrupted", 0), ("failed", 0)])
def test_what_was_cut_short_lies_nowhere(run: Run, client: FakeClient, outcome: str, marks: int) -> None:
    client.ending = replace(INCOMPLETE, outcome=outcome)

    assert run("report").stdout.count("outside") == marks


def test_a_report_of_an_older_version_is_shown_as_far_as_it_goes(run: Run) -> None:
    result = run("report", "t-0001")

    assert result.exit_code == 0
    assert "done  transfer t-0001\n" in result.stdout
    assert "an older skytf has written its report" in result.stdout


def test_a_transfer_is_named_or_the_latest_is_taken(run: Run, client: FakeClient) -> None:
    run("report")
    run("report", "t-0007")

    assert client.named("report") == [None, "t-0007"]


def test_scripts_get_what_they_get_after_a_transfer(run: Run, client: FakeClient) -> None:
    client.ending = INCOMPLETE

    (line,) = lines_of(run("report", "--json"))

    assert line["kind"] == "report"
    assert line["compared"][0] == {
        "what": "transfer_s",
        "predicted": {"low": 5400.0, "likely": 6000.0, "high": 7000.0},
        "measured": 7800.0,
    }
    assert line["used"]["requests"][1]["count"] == {"low": 800.0, "likely": None, "high": None}


def test_a_rehearsal_says_that_it_is_converted(run: Run, client: FakeClient) -> None:
    rows = (Compared("goodput_gbps", Span(), 4.0), Compared("played_goodput_gbps", Span(), 0.04))
    client.ending = replace(REPORT, compared=rows, rehearsal_scale=0.01)

    text = run("report").stdout

    assert "a rehearsal at 0.01 of the predicted rates, converted to full size" in text
    assert "goodput as played" in text


def test_a_missing_report_ends_with_the_next_step(run: Run, client: FakeClient) -> None:
    client.error = InputError("transfer t has no report yet: it is transferring now", hint="wait for it")

    result = run("report", "t")

    assert result.exit_code == 2
    assert "has no report yet" in result.stderr
    assert "wait for it" in result.stderr


def test_names_of_others_cannot_reach_the_terminal(run: Run, client: FakeClient) -> None:
    job = replace(REPORT.jobs[0], source="/data\x1b[2J")
    client.ending = replace(INCOMPLETE, jobs=(job,), bottleneck="a\x1bb", warnings=("c\x1bd",))

    assert "\x1b" not in run("report").stdout
