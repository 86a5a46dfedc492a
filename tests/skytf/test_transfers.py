"""What a transfer is for, as its directory has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.client.looking import Looking
from skytf.errors import InputError
from skytf.home import Home, TransferDir, new_transfer_id
from skytf.model import codec
from skytf.model.copy import ApplyOptions, Copy, Target
from skytf.report import Report
from skytf.transfer import REPORT_FILE
from skytf.transfers import Asked, report_of


def test_how_the_fleet_is_reached_is_kept_for_a_resume(tmp_path: Path) -> None:
    directory = Home(tmp_path).create(new_transfer_id())
    copies = (Copy(Target("/in"), (Target("/out"),)),)
    asked = Asked(copies, applying=ApplyOptions(operator_cidr="198.51.100.7/32", ssh_proxy="jump"))

    directory.write("request.json", codec.encode(asked))

    assert Asked.read(directory) == asked


def test_a_request_of_an_older_version_takes_the_defaults(tmp_path: Path) -> None:
    directory = Home(tmp_path).create(new_transfer_id())
    older = json.loads(codec.encode(Asked()))
    del older["applying"]

    directory.write("request.json", json.dumps(older).encode())

    assert Asked.read(directory).applying == ApplyOptions()


REPORT = Report("t", "failed", (), 1.0, {}, 0.0, 0, 2)


def transfer(home: Path, phase: str, outcome: str = "", *, alive: bool = True, report: bool = False) -> TransferDir:
    directory = Home(home).create(new_transfer_id())
    directory.enter(phase, owner="ann", outcome=outcome)
    if not alive:
        directory.set_status(replace(directory.status(), client_started_s=1.0))
    if report:
        directory.write(REPORT_FILE, codec.encode(REPORT))
    return directory


def test_the_report_of_a_transfer_that_has_ended_is_as_it_was_written(tmp_path: Path) -> None:
    assert report_of(transfer(tmp_path, "done", "failed", report=True)) == REPORT


@pytest.mark.parametrize(
    ("alive", "words", "hint"),
    [(True, "it is transferring now", "wait for it"), (False, "its client was lost", "skytf resume")],
)
def test_a_transfer_without_a_report_says_why_and_what_to_do(
    tmp_path: Path, alive: bool, words: str, hint: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        report_of(transfer(tmp_path, "transferring", alive=alive))

    assert hint in caught.value.hint


def test_the_report_of_an_earlier_run_is_called_so(tmp_path: Path) -> None:
    report = report_of(transfer(tmp_path, "applying", report=True))

    (warning,) = report.warnings
    assert warning.startswith("this is the report of an earlier run; it is applying now")


def test_a_report_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    directory = transfer(tmp_path, "done", "done")
    directory.write(REPORT_FILE, b'{"transfer_id": 1}')

    with pytest.raises(InputError, match=r"report\.json cannot be read"):
        report_of(directory)


def test_the_latest_transfer_with_a_report_is_looked_at(tmp_path: Path) -> None:
    looking = Looking(home=tmp_path)
    with pytest.raises(InputError, match="has a report"):
        looking.report()
    with_report = transfer(tmp_path, "done", "failed", report=True)
    transfer(tmp_path, "transferring")

    assert looking.report() == looking.report(with_report.transfer_id) == REPORT
