"""A client that was killed, and the one that goes on: it moves what is missing, and leaves nothing of either."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from skytf import Client, Hooks
from skytf.bundle import Bundle
from skytf.errors import Interrupted, Refused, TransferFailed
from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.stores import objects, open_uploads
from tests.e2e.test_copy import copy
from tests.e2e.trees import SMALL, contents, plant
from tests.e2e.victims import Midway, daemons, kill_9, slow
from tests.servers import S3Server

SETTLED = ("verifying", "destroying", "removing")
PHASES = ("surveying", "planning", "applying", "creating", "deploying", "transferring", *SETTLED)
QUICK = ("transferring",)


class StopBeforeAnythingIsMade(Hooks):
    """Let the client be told to stop when it begins to apply."""

    client: Client

    def on_phase(self, phase: str, text: str) -> None:
        if phase == "applying":
            self.client.interrupt(signal.SIGINT)


@pytest.mark.parametrize(
    "phase", [phase if phase in QUICK else pytest.param(phase, marks=pytest.mark.slow) for phase in PHASES]
)
def test_resume_finishes_what_a_killed_client_began(home: Path, tmp_path: Path, phase: str) -> None:
    files = plant(tmp_path / "in", small=30)
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out")) as command:
        command.until_phase(phase)
        command.kill_9()

    resumed = run(home, "resume", "--yes")  # the latest

    report = resumed.last("report")
    (result,) = report["jobs"][0]["destinations"]
    assert (resumed.process.returncode, report["outcome"]) == (0, "done")
    assert result["before"] + result["done"] == result["verified"] == len(files)
    if phase in ("transferring", *SETTLED):
        assert result["before"] > 0
    if phase in SETTLED:
        assert result["done"] == 0
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
def test_what_the_transfer_itself_wrote_is_no_conflict(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    theirs = tmp_path / "out/large/0.bin"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    time.sleep(1 - theirs.stat().st_ctime % 1)  # stores tell whole seconds: what is older must be so by one
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out"), "--if-exists", "fail") as command:
        command.until_phase("transferring")
        command.kill_9()
    # As if every receipt had been lost with the client.
    (home / "transfers" / command.transfer_id / "journal.jsonl").write_bytes(b"")

    resumed = run(home, "resume", command.transfer_id)

    report = resumed.last("report")
    assert resumed.process.returncode == 6
    assert [one["source"].rpartition("/in/")[2] for one in report["failures"]] == ["large/0.bin"]
    assert contents(tmp_path / "out") == {**files, "large/0.bin": b"theirs"}


@pytest.mark.slow
def test_no_upload_stays_open_at_a_store(home: Path, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    arguments = (*slow_cp(tmp_path / "in", f"s3://{bucket}/out"), "--endpoint-url", s3_server.endpoint_url)
    with skytf(home, *arguments, **s3_server.environment) as command:
        command.until_phase("transferring")
        journal = home / "transfers" / command.transfer_id / "journal.jsonl"
        command.until(lambda _: b'"opened"' in journal.read_bytes())
        command.kill_9()
    # With them nobody is left who could abort what is open, but who reads the journal.
    kill_9(daemons(home), *daemons(home))
    assert open_uploads(s3_server, bucket)

    resumed = run(home, "resume", **s3_server.environment)

    (result,) = resumed.last("report")["jobs"][0]["destinations"]
    assert resumed.process.returncode == 0
    assert result["before"] + result["done"] == len(files)
    assert objects(s3_server, bucket) == {f"out/{name}": content for name, content in files.items()}
    assert open_uploads(s3_server, bucket) == []


@pytest.mark.slow
def test_a_failed_transfer_is_resumed_by_the_same_client(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=30)
    hooks = Midway(lambda: kill_9(daemons(home), "local-b-0"))
    client = Client(home=home, hooks=hooks)
    with pytest.raises(TransferFailed):
        client.copy([copy(tmp_path / "in", tmp_path / "out")], replace(slow(mbps=40), instances=1))

    report = client.resume()

    assert report is not None
    (result,) = report.jobs[0].destinations
    assert result.before > 0
    assert result.before + result.done == len(files)
    assert contents(tmp_path / "out") == files
    assert client.resume(report.transfer_id) is None


def test_a_plan_that_was_approved_at_a_resume_is_not_asked_about_again(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "in", small=3)
    hooks = StopBeforeAnythingIsMade()
    client = hooks.client = Client(home=home, hooks=hooks)
    with pytest.raises(Interrupted):
        client.copy([copy(tmp_path / "in", tmp_path / "out")], replace(SMALL, instances=1))
    request = max((home / "transfers").glob("*/request.json"))  # ids sort by time
    # As it stands where a client was killed while the question was open.
    request.write_text(json.dumps({**json.loads(request.read_text()), "approved": False}))
    transfer_id = request.parent.name
    asked = []

    def approve(bundle: Bundle) -> bool:
        asked.append(bundle.digest)
        return True

    for _ in range(2):
        hooks.client = Client(home=home, hooks=hooks)
        with pytest.raises(Interrupted):
            hooks.client.resume(transfer_id, approve=approve)

    assert len(asked) == 1


def test_nothing_unfinished_is_no_error(tmp_path: Path) -> None:
    resumed = run(tmp_path / "home", "resume")

    assert resumed.process.returncode == 0
    assert "unfinished" in resumed.last("note")["text"]


def test_a_living_client_is_left_alone(home: Path, tmp_path: Path) -> None:
    """Neither a resume of its transfer nor a second apply of its bundle comes between."""
    files = plant(tmp_path / "in", small=5, large=0)
    applying, go_on = Event(), Event()

    class Waiting(Midway):
        def on_phase(self, phase: str, text: str) -> None:
            if phase == "deploying":
                applying.set()
                assert go_on.wait(60)

    client = Client(home=home)
    bundle = client.plan([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=0))
    first = Thread(target=Client(home=home, hooks=Waiting(lambda: None)).apply, args=(bundle,))
    first.start()
    assert applying.wait(60)
    try:
        (alive,) = (one for one in client.transfers() if one.alive)
        with pytest.raises(Refused, match="another skytf works on"):
            client.resume(alive.transfer_id)
        with pytest.raises(Refused, match="being applied already"):
            client.apply(bundle)
        (found,) = client.reap().fleets
        assert (found.removed, found.reason) == (False, "its client lives")
        assert run(home, "resume", alive.transfer_id).process.returncode == Refused.exit_code
    finally:
        go_on.set()
        first.join()

    assert contents(tmp_path / "out") == files
