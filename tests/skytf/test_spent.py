"""What runs have used survives the client, and what is not known is not forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf import spent
from skytf.errors import InputError
from skytf.home import Home, TransferDir
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.usage import FleetTime, Moved, RunUsage, Usage

SITE = Region("aws", "us-east-1")


@pytest.fixture
def directory(tmp_path: Path) -> TransferDir:
    return Home(tmp_path).create("20261122-160000-ab12cd")


def run_of(began_s: float, stood: Span) -> RunUsage:
    usage = Usage((Moved("a", "b", Span.exactly(9.0), (("job-0", 1),)),), (FleetTime(SITE, 2, stood),), (), ())
    return RunUsage(began_s, ended=True, transfer_s=3.0, fleet_s=stood, usage=usage)


def test_a_run_that_ended_reads_back_as_it_was(directory: TransferDir) -> None:
    run = run_of(100.0, Span.exactly(50.0))
    spent.begin(directory, 100.0, resumed=False)

    every = spent.end(directory, run)

    assert every == spent.runs(directory) == (run,)
    assert (directory.root / spent.FILE).stat().st_mode & 0o777 == 0o600


def test_a_run_that_was_killed_stays_among_the_others(directory: TransferDir) -> None:
    spent.begin(directory, 100.0, resumed=False)
    spent.begin(directory, 200.0, resumed=True)

    every = spent.end(directory, run_of(200.0, Span.exactly(50.0)))

    assert [(run.began_s, run.ended) for run in every] == [(100.0, False), (200.0, True)]
    assert every[0].fleet_s == Span()


def test_the_fleet_of_a_killed_run_stood_until_it_was_removed_at_most(directory: TransferDir) -> None:
    spent.begin(directory, 100.0, resumed=False)

    (run,) = spent.fleet_is_gone(directory, 460.0)

    assert (run.fleet_s, run.ended) == (Span(0.0, None, 360.0), False)
    assert spent.runs(directory) == (run,)


def test_a_fleet_that_could_not_be_removed_at_first_stood_longer(directory: TransferDir) -> None:
    spent.begin(directory, 100.0, resumed=False)
    spent.end(directory, run_of(100.0, Span(50.0)))

    (run,) = spent.fleet_is_gone(directory, 460.0)
    again = spent.fleet_is_gone(directory, 9999.0)

    assert run.fleet_s == Span(50.0, None, 360.0)
    assert run.usage.fleet == (FleetTime(SITE, 2, Span(50.0, None, 360.0)),)
    assert again == (run,)


def test_nothing_is_written_where_nothing_was_begun(directory: TransferDir) -> None:
    assert spent.fleet_is_gone(directory, 1.0) == ()
    assert not (directory.root / spent.FILE).exists()


def test_a_transfer_of_an_older_version_had_a_run_that_nobody_counted(directory: TransferDir) -> None:
    spent.begin(directory, 1e10, resumed=True)

    first, second = spent.runs(directory)

    assert (first.began_s, first.ended, second.began_s) == (directory.started_s, False, 1e10)


def test_a_broken_file_is_named_with_what_to_do(directory: TransferDir) -> None:
    directory.write(spent.FILE, b'{"began_s": "never"}\n')

    with pytest.raises(InputError, match="cannot be read") as caught:
        spent.runs(directory)

    assert "remove" in caught.value.hint
