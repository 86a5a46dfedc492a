"""A plan between clouds, rehearsed from end to end on this machine: no cloud, no store, no credentials."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.units import MIB
from skytf import Client
from skytf import bundle as bundles
from skytf.errors import Refused
from skytf.model.job import Request
from skytf.model.survey import JobSurvey, SizeClass
from tests.e2e.cli import Line, run, skytf
from tests.e2e.leftovers import left_of
from tests.skytf.rehearsal.plans import GOOGLE, RELAY, asked, bundle

SMALL = JobSurvey("job-0", 5_000, 500_000_000, 100_000, sizes=(SizeClass(1 << 17, 5_000, 500_000_000),))


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[tuple[dict[str, str], socket.socket]]:
    """An environment without credentials, in which every cloud answers at one address of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        keys = [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "ARM_", "IBM", "IC_"))]
        environment = {
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "CLOUDSDK_CONFIG": str(tmp_path / "none"),
            "AZURE_CONFIG_DIR": str(tmp_path / "none"),
            "AWS_ENDPOINT_URL": address,
            "STORAGE_EMULATOR_HOST": address,
            "GCE_METADATA_HOST": address.removeprefix("http://"),
        }
        yield dict.fromkeys(keys, "") | environment, server


def one_way() -> Request:
    """From AWS to Google alone, one gateway on each side."""
    request = asked(instances=1, via=None)
    (job,) = request.jobs
    return replace(request, jobs=(replace(job, destinations=job.destinations[:1]),))


def written(request: Request, directory: Path, survey: JobSurvey | None = None) -> Path:
    """The bundle of *request*, planned offline; the link to Google is the slowest."""
    given = bundle(request) if survey is None else bundle(request, survey=survey)
    bundles.write(directory, given.files)
    return directory


def compared(report: Line) -> dict[str, tuple[float, float | None]]:
    """What was predicted as likely, and measured, of everything that was compared."""
    return {one["what"]: (one["predicted"]["likely"], one["measured"]) for one in report["compared"]}


def test_a_plan_between_clouds_is_played_to_its_report(
    home: Path, tmp_path: Path, nobody: tuple[dict[str, str], socket.socket]
) -> None:
    environment, server = nobody
    request = replace(asked(), settings=replace(asked().settings, if_exists="fail"))
    directory = written(request, tmp_path / "bundle")
    most = ("--rehearse-rate", 120, "--rehearse-bytes", "24MiB")

    said = run(home, "apply-transfer", directory, "--rehearse", *most, **environment)

    assert said.process.returncode == 0, said.lines[-3:]
    with pytest.raises(BlockingIOError):
        server.accept()  # nobody called
    report = said.last("report")
    (job,) = report["jobs"]
    assert 20 * MIB < job["bytes"] <= 24 * MIB
    assert [(one["done"], one["failed"]) for one in job["destinations"]] == [(job["objects"], 0)] * 2
    assert [one["url"] for one in job["destinations"]] == ["discard://to/b", "discard://acc/con/c"]
    assert report["gateways"] == 8
    assert report["bottleneck"] in (f"{RELAY} -> {GOOGLE}", "this machine")
    assert report["rehearsal_scale"] == pytest.approx(0.01)
    assert report["cost"] is None
    rates = compared(report)
    played_gbps, measured_gbps = rates["played_goodput_gbps"]
    assert measured_gbps is not None
    assert 0.2 * played_gbps < measured_gbps < 1.5 * played_gbps
    predicted_gbps, of_plan_gbps = rates["goodput_gbps"]
    if report["bottleneck"] == "this machine":
        assert of_plan_gbps is None
    else:
        assert of_plan_gbps is not None
        assert 0.2 * predicted_gbps < of_plan_gbps < 1.5 * predicted_gbps
    assert rates.keys() == {"goodput_gbps", "transfer_s", "played_goodput_gbps", "played_transfer_s"}

    kept = home / "transfers" / report["transfer_id"] / "bundle"
    with pytest.raises(Refused):
        Client(home=home).apply(kept)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["resume", pytest.param("reap", marks=pytest.mark.slow)])
def test_what_a_killed_rehearsal_leaves_is_removed_and_not_gone_on_with(
    home: Path, tmp_path: Path, nobody: tuple[dict[str, str], socket.socket], by: str
) -> None:
    environment, server = nobody
    directory = written(one_way(), tmp_path / "bundle", SMALL)
    arguments = ("apply-transfer", directory, "--rehearse", "--rehearse-rate", 20)
    with skytf(home, *arguments, **environment) as command:
        command.until_phase("transferring")
        transfer_id = command.transfer_id
        command.kill_9()

    said = run(home, by, "--yes", **environment)

    assert said.process.returncode == 0
    assert left_of(home) == []
    assert by == "reap" or f"{transfer_id} was a rehearsal" in said.last("warning")["text"]
    assert not (home / "transfers" / transfer_id).exists()
    with pytest.raises(BlockingIOError):
        server.accept()


@pytest.mark.parametrize(
    ("phase", "words"), [("transferring", "rehearse again"), pytest.param("planning", "", marks=pytest.mark.slow)]
)
def test_a_rehearsal_that_is_stopped_leaves_nothing(
    home: Path, tmp_path: Path, nobody: tuple[dict[str, str], socket.socket], phase: str, words: str
) -> None:
    environment, _ = nobody
    directory = written(one_way(), tmp_path / "bundle", SMALL)
    with skytf(home, "apply-transfer", directory, "--rehearse", "--rehearse-rate", 20, **environment) as command:
        command.until_phase(phase)
        transfer_id = command.transfer_id
        command.signal(signal.SIGINT)
        ended = command.end()

    assert ended == 130
    assert words in command.last("error")["hint"]
    assert command.last("error")["type"] == "Interrupted"
    assert not (home / "transfers" / transfer_id).exists()


def test_a_bundle_that_was_edited_is_not_rehearsed(home: Path, tmp_path: Path) -> None:
    directory = written(one_way(), tmp_path / "bundle", SMALL)
    program = next((directory / "programs").iterdir())
    program.write_text(program.read_text().replace("lz4", "none"))
    before = set((home / "transfers").glob("*"))

    said = run(home, "apply-transfer", directory, "--rehearse")

    assert said.process.returncode == 7
    assert program.name in said.last("error")["error"]
    assert set((home / "transfers").glob("*")) == before


def test_what_is_to_be_copied_can_be_rehearsed_in_one_step(home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / name).write_bytes(name.encode() * 100_000)

    said = run(home, "apply-transfer", "-r", tmp_path / "in", tmp_path / "out", "--rehearse")

    report = said.last("report")
    assert said.process.returncode == 0
    assert (report["jobs"][0]["objects"], report["jobs"][0]["bytes"]) == (3, 300_000)
    assert not (tmp_path / "out").exists()


def test_a_pinned_bundle_is_rehearsed_like_any_other(home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"a" * 100_000)
    ends = ("-r", tmp_path / "in", tmp_path / "out")
    assert run(home, "plan", *ends, "--source-drift", "pin", "--out", tmp_path / "bundle").process.returncode == 0

    said = run(home, "apply-transfer", tmp_path / "bundle", "--rehearse")

    assert said.process.returncode == 0, said.process.stderr
    assert said.last("report")["jobs"][0]["objects"] == 1
