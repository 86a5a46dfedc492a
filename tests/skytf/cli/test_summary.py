from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from skytf.cli.summary import summary
from skytf.model.span import Span
from skytf.report import Compared, Failure, HostStep, OperatorUse, Report
from tests.skytf.cli.fake import INCOMPLETE, REPORT


def read(report: Report, **options: set[str]) -> str:
    stream = io.StringIO()
    Console(file=stream, width=10_000).print(summary(report, **options))
    return stream.getvalue()


def test_a_done_transfer_says_what_moved_how_fast_and_that_nothing_is_left() -> None:
    text = read(REPORT)

    assert text.startswith("✓ Done in 12.3 s  transfer t-0001\n")
    assert "10 copied (1000 B), 2 copied before, 1 there already, 13 verified" in text
    assert "not copied: 1 symlink" in text
    assert "2.00 Gbit/s for 4.0 s, 1 frame sent again" in text
    assert text.endswith("  4 gateways; fleet destroyed, nothing left\n")


def test_a_cloud_that_nobody_could_search_is_not_called_empty() -> None:
    text = read(replace(REPORT, unsearched=2))

    assert text.endswith("  4 gateways; fleet destroyed, 2 clouds not searched for more\n")


def test_an_incomplete_one_names_what_failed_and_ends_with_the_next_step() -> None:
    text = read(INCOMPLETE)

    assert "✗ Incomplete after 12.3 s: some objects did not arrive" in text
    assert "/data/a\\x1b[2Jb → s3://b/x/a: the disk is full (make room)" in text
    assert "all of them: /home/failures.jsonl" in text
    assert text.endswith("Next: skytf resume t-0001 moves what is missing\n")


def test_many_failures_are_counted_not_listed() -> None:
    destination = replace(INCOMPLETE.jobs[0].destinations[0], failed=5000)
    job = replace(INCOMPLETE.jobs[0], destinations=(destination,))
    failures = tuple(Failure(f"/data/{number}", "s3://b", "no") for number in range(1000))

    text = read(replace(INCOMPLETE, jobs=(job,), failures=failures))

    assert text.count("✗ /data/") == 20
    assert "and 4,980 more" in text


def test_what_is_left_is_named_with_the_way_to_remove_it() -> None:
    text = read(replace(REPORT, left=("vm local-a-0",), gateways_lost=("local-a-0",)))

    assert "4 gateways, 1 of them lost on the way; not everything could be removed:\n    vm local-a-0\n" in text
    assert "nothing left" not in text
    assert text.endswith("Next: skytf reap removes what is left\n")


def test_warnings_that_were_shown_are_not_repeated() -> None:
    text = read(replace(REPORT, warnings=("seen", "new")), warned={"seen"})

    assert "! new" in text
    assert "seen" not in text


def test_how_long_it_took_until_all_gateways_were_ready_is_told_with_the_slowest() -> None:
    steps = (HostStep("connecting", "aws-a-0", 31.0), HostStep("trees", "aws-a-1", 4.5), HostStep("all", "aws-a-0", 40))

    text = read(replace(REPORT, phase_s={"applying": 50.0, "deploying": 41.0}, host_steps=steps))

    assert (
        "all gateways ready in 91.0 s: terraform 50.0 s, hosts 41.0 s; slowest: connecting 31.0 s (aws-a-0), " in text
    )
    assert "trees 4.5 s (aws-a-1)\n" in text


def test_what_was_predicted_and_what_it_cost_are_a_line_each() -> None:
    text = read(INCOMPLETE)

    assert "  predicted 4 Gbit/s for 1 h 40 min  outside what was predicted\n" in text
    cost = "  cost at least $60.00, predicted $58.00, $50.00 to $70.00 (egress $60.00, requests unknown)\n"
    assert cost in text


def test_what_nobody_predicted_has_no_lines() -> None:
    assert "predicted" not in read(REPORT)
    assert "cost" not in read(REPORT)


def test_a_rehearsal_ends_with_what_was_predicted_and_measured() -> None:
    rows = (Compared("goodput_gbps", Span(1.0, 8.0, 10.0), 7.2), Compared("played_goodput_gbps", Span(), 0.072))

    text = read(replace(REPORT, compared=rows, rehearsal_scale=0.01, bottleneck="this machine", outcome="failed"))

    assert "a rehearsal at 0.01 of the predicted rates" in text
    assert "goodput as played" in text
    assert "bottleneck: this machine" in text
    assert "skytf resume" not in text


def test_the_slow_operator_is_named_with_its_share_of_time() -> None:
    uses = (
        OperatorUse("local:a", "read_local", "", 2, 13, 1000, 1.0, 9.0),
        OperatorUse("local:b", "write_local", "destination-0", 2, 13, 1000, 9.3, 0.7),
    )

    text = read(replace(REPORT, operators=uses, slowest_operator=uses[1].name))

    assert "  slowest operator: write_local at local:b to destination-0, at work 93% of its time\n" in text
    assert "slowest" not in read(REPORT)
