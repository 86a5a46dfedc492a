"""What is handed out: a rehearsal gives every source gateway as many turns as a large plan would."""

from __future__ import annotations

from pathlib import Path

from gateway.shard import Shard
from skytf.bundle import Bundle
from skytf.ends import ends_of
from skytf.home import Home
from skytf.ledger import Ledger
from skytf.model.rehearsal import Rehearsing
from skytf.model.survey import JobSurvey, SizeClass
from skytf.rehearsal.stage import staged
from skytf.workload import Workload
from tests.skytf.rehearsal.plans import asked, bundle

LARGE = JobSurvey("job-0", 10**6, 200 * 10**12, 2 * 10**8, sizes=(SizeClass(1 << 28, 10**6, 200 * 10**12),))


def shards_of(given: Bundle, home: Path) -> list[Shard]:
    directory = Home(home).create("20261123-010203-abcdef")
    work = Workload(given, ends_of(given), directory, Ledger(), previous=None, on_skip=lambda _job, _skipped: None)
    return list(work.shards())


def test_every_source_gateway_of_a_rehearsal_has_shards_until_near_the_end(tmp_path: Path) -> None:
    played = staged(bundle(asked(instances=4), survey=LARGE), Rehearsing()).bundle

    shards = shards_of(played, tmp_path)

    total = sum(one.size_bytes for one in shards)
    assert total == played.manifest.survey[0].bytes
    assert len(shards) >= 4 * 16
    assert max(one.size_bytes for one in shards) <= total / (4 * 16)
