"""What a run has come to so far, and the report that this makes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from skytf.bundle import Bundle
from skytf.errors import Interrupted
from skytf.model.job import Job
from skytf.report import DestinationResult, Failure, HostStep, JobResult, Report
from skytf.tally import Outcome, Tally
from skytf.verification import Found

MAX_FAILURES = 1_000


@dataclass(slots=True)
class Ledger:
    """
    Counts and findings of one run.

    Keyed by (job id, destination index). ``before`` has objects and bytes of earlier runs; ``failed`` counts all
    failures, ``failures`` keeps the first `MAX_FAILURES`; ``failed_keys`` has the source keys of all of them.
    """

    began_s: float = field(default_factory=time.monotonic)
    phase_s: dict[str, float] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=lambda: Outcome({}, (), 0))
    failures: list[Failure] = field(default_factory=list)
    failed: int = 0
    failed_keys: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    found: dict[tuple[str, int], Found] = field(default_factory=dict)
    before: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left: tuple[str, ...] = ()
    unsearched: int = 0
    host_steps: tuple[HostStep, ...] = ()

    def fail(self, failure: Failure, *, objects: int = 1) -> None:
        """Note that *objects* did not arrive."""
        self.failed += objects
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(failure)

    def stood_before(self, job_id: str, destination: int, size_bytes: int) -> None:
        """Note an object that an earlier run of the transfer has delivered."""
        objects, total_bytes = self.before.get((job_id, destination), (0, 0))
        self.before[job_id, destination] = objects + 1, total_bytes + size_bytes

    def tally(self, job_id: str, destination: int) -> Tally:
        """Return the receipts of one destination."""
        return self.outcome.tallies.get((job_id, destination), Tally())

    def report(
        self,
        transfer_id: str,
        bundle: Bundle,
        *,
        error: BaseException | None,
        failures_file: str,
    ) -> Report:
        """Return what a user is told."""
        moved_bytes = sum(tally.bytes for tally in self.outcome.tallies.values())
        moving_s = self.phase_s.get("transferring", 0.0)
        return Report(
            transfer_id=transfer_id,
            outcome=self._outcome(error),
            jobs=tuple(self._job(job, bundle) for job in bundle.manifest.request.jobs),
            elapsed_s=round(time.monotonic() - self.began_s, 3),
            phase_s=dict(self.phase_s),
            goodput_bytes_per_s=round(moved_bytes / moving_s, 1) if moving_s else 0.0,
            frames_resent=self.outcome.frames_resent,
            gateways=len(bundle.topology.gateways),
            gateways_lost=self.outcome.gateways_lost,
            failures=tuple(self.failures),
            failures_file=failures_file if self.failed else "",
            warnings=tuple(self.warnings),
            left=self.left,
            unsearched=self.unsearched,
            host_steps=self.host_steps,
        )

    def _outcome(self, error: BaseException | None) -> str:
        if isinstance(error, Interrupted):
            return "interrupted"
        if error is not None:
            return "failed"
        return "incomplete" if self.failed else "done"

    def _job(self, job: Job, bundle: Bundle) -> JobResult:
        survey = next(one for one in bundle.manifest.survey if one.job_id == job.job_id)
        return JobResult(
            job_id=job.job_id,
            source=job.source.url,
            objects=survey.objects,
            bytes=survey.bytes,
            not_copied=dict(survey.skipped),
            destinations=tuple(self._destination(job, index) for index in range(len(job.destinations))),
        )

    def _destination(self, job: Job, index: int) -> DestinationResult:
        tally = self.tally(job.job_id, index)
        found = self.found.get((job.job_id, index), Found())
        return DestinationResult(
            url=job.destinations[index].url,
            done=tally.objects,
            bytes_done=tally.bytes,
            skipped=tally.skipped,
            before=self.before.get((job.job_id, index), (0, 0))[0],
            failed=tally.failed,
            # What was skipped stands there with whatever content: only what was delivered counts as verified.
            verified=min(found.objects, tally.objects + self.before.get((job.job_id, index), (0, 0))[0]),
            digests=_digests(tally),
        )


def _digests(tally: Tally) -> str:
    if not tally.compared:
        return "sinks"
    return "store" if tally.compared == tally.objects else "mixed"
