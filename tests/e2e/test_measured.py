"""What a transfer used, counted on real links and at a server that sees each request; reported whatever happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import Client, Copy, Report, Target
from skytf.errors import TransferFailed
from skytf.model.span import Span
from tests.counting import CountingServer, counting_server
from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.test_copy import copy
from tests.e2e.trees import SMALL, plant
from tests.e2e.victims import Midway, daemons, kill_9, slow
from tests.servers import S3Server

PLAIN = replace(SMALL, compression="none")


@pytest.fixture
def counting(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingServer]:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with counting_server(s3_server) as server:
        yield server


def wire_bytes(report: Report, source: str, target: str) -> Span:
    assert report.used is not None
    (moved,) = [one.wire_bytes for one in report.used.moved if (one.source, one.target) == (source, target)]
    return moved


def asked(report: Report, end: str) -> dict[str, float | None]:
    assert report.used is not None
    assert all(one.count.low == one.count.likely == one.count.high for one in report.used.requests)
    return {one.operation: one.count.likely for one in report.used.requests if one.end == end}


def as_billed(seen: dict[str, int]) -> dict[str, int]:
    """What a server saw, as it is billed: looking costs what reading does, deleting nothing."""
    billed = Counter(seen)
    billed["get"] += billed.pop("head", 0)
    billed.pop("delete", 0)
    return {operation: count for operation, count in billed.items() if count}


@pytest.mark.slow
def test_bytes_and_requests_are_those_that_the_links_and_the_server_saw(
    client: Client, counting: CountingServer, bucket: str, tmp_path: Path
) -> None:
    files = plant(tmp_path / "in", small=40, large=2)
    size_bytes = sum(map(len, files.values()))
    there = Target(f"s3://{bucket}/data", counting.server.endpoint_url)
    counting.forget()
    counting.failures["put"] = 1

    up = client.copy([Copy(Target(str(tmp_path / "in")), (there,), recursive=True)], PLAIN)

    seen_up = counting.of(bucket)
    down_bundle = client.plan([Copy(there, (Target(str(tmp_path / "out")),), recursive=True)], PLAIN)
    counting.forget()
    down = client.apply(down_bundle)
    seen_down = counting.of(bucket)

    assert up is not None
    assert (up.outcome, down.outcome) == ("done", "done")
    for report in (up, down):
        moved = wire_bytes(report, "local:a", "local:b")
        assert moved.low == moved.likely == moved.high
        assert size_bytes <= moved.low < size_bytes * 1.1 + 100_000
        assert 0 < wire_bytes(report, "local:b", "local:a").low < size_bytes / 10
        assert report.used is not None
        assert report.used.delivered == ((("job-0", 0), size_bytes),)
        assert all(site.gateways == 2 and 0 < site.seconds.low < report.elapsed_s for site in report.used.fleet)
        assert report.cost is not None
        kinds = {kind: report.cost.of_kind(kind) for kind in ("egress", "instances", "disks", "addresses")}
        assert set(kinds.values()) == {Span.exactly(0.0)}, "nobody bills this machine"
    assert asked(up, "job-0-destination-0") == as_billed(seen_up), "the plan's look and a repeat among them"
    assert asked(down, "job-0-source") == as_billed(seen_down), "the comparison with what was reviewed among them"


@pytest.mark.slow
def test_the_report_can_be_read_again(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=5, large=0)

    done = run(home, "cp", "-r", "-y", tmp_path / "in", tmp_path / "out").last("report")
    again = run(home, "report", done["transfer_id"]).last("report")
    latest = run(home, "report").last("report")

    assert done == again == latest
    assert {row["what"] for row in done["compared"]} > {"transfer_s", "fleet_s", "goodput_gbps", "total_usd"}
    assert all(row["measured"] is not None for row in done["compared"])


@pytest.mark.slow
def test_a_lost_gateway_leaves_lower_bounds(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = Midway(lambda: kill_9(daemons(home), "local-b-1"))
    options = slow(replace(PLAIN), mbps=40)

    report = Client(home=home, hooks=hooks).copy([copy(tmp_path / "in", tmp_path / "out")], options)

    assert report is not None
    assert report.gateways_lost == ("local-b-1",)
    assert wire_bytes(report, "local:a", "local:b").low > sum(map(len, files.values())), "what it lost was sent again"
    assert wire_bytes(report, "local:a", "local:b").high is not None, "who sent it lives, and knows"
    assert wire_bytes(report, "local:b", "local:a").high is None
    assert report.used is not None
    assert report.used.unknown == ("what local-b-1 did after it was last heard",)


def test_what_a_transfer_that_failed_had_used_is_reported(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=30)

    def kill_all() -> None:
        for name in ("local-b-0", "local-b-1"):
            kill_9(daemons(home), name)

    with pytest.raises(TransferFailed):
        Client(home=home, hooks=Midway(kill_all)).copy([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=40))

    report = Client(home=home).report()
    assert report.outcome == "failed"
    assert wire_bytes(report, "local:a", "local:b").low > 0
    assert report.used is not None
    assert all(site.seconds.low > 0 for site in report.used.fleet)


@pytest.mark.slow
def test_a_killed_client_costs_only_the_knowledge_of_its_own_run(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=30)
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out")) as command:
        command.until_phase("transferring")
        transfer_id = command.transfer_id
        command.kill_9()
    unfinished = run(home, "report", transfer_id)

    report = run(home, "resume", "--yes").last("report")

    assert "skytf resume" in unfinished.last("error")["hint"]
    assert report["used"]["unknown"] == ["what a run did that was killed"]
    for site in report["used"]["fleet"]:
        assert site["seconds"]["low"] > 0
        assert site["seconds"]["likely"] is None
        assert site["seconds"]["high"] > site["seconds"]["low"]
    (out,) = [one for one in report["used"]["moved"] if one["source"] == "local:a"]
    assert out["wire_bytes"]["low"] > 0
    assert out["wire_bytes"]["high"] is None
    lines = (home / "transfers" / transfer_id / "usage.jsonl").read_text().splitlines()
    assert [json.loads(line)["ended"] for line in lines] == [False, True]
