"""What a transfer has to move: its goals, who may do it, and the shards that are still missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import msgspec

from gateway.journal import Journal, JournalState
from gateway.shard import Entry, Shard
from gateway.stores.base import Skipped
from skytf.bundle import Bundle
from skytf.ends import Ends
from skytf.generated import is_rehearsal
from skytf.home import TransferDir
from skytf.hooks import Progress
from skytf.ledger import Ledger
from skytf.model.job import Job
from skytf.monitor.events import Event
from skytf.shards import REHEARSED_PER_GATEWAY, cut_shards, shard_bytes_for
from skytf.sweep import LISTING
from skytf.tally import Goal
from skytf.verification import Listing


class JournalRecord:
    """Write to the journal what dispatch hands out and hears."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def handed(self, shard: Shard) -> None:
        """A shard goes out."""
        self._journal.begin(shard)

    def event(self, event: Event) -> None:
        """A gateway reported something."""
        self._journal.event(msgspec.to_builtins(event))


class Workload:
    """
    The work of one run.

    Args:
        bundle: What was reviewed.
        ends: List the sources.
        directory: Where the listings of the sources are kept.
        ledger: Is told what an earlier run has delivered.
        previous: What the journal of an earlier run says; None in a first run.
        on_skip: Hears of names that are no objects.
    """

    def __init__(
        self,
        bundle: Bundle,
        ends: Ends,
        directory: TransferDir,
        ledger: Ledger,
        *,
        previous: JournalState | None,
        on_skip: Callable[[Job, Skipped], None],
    ) -> None:
        self._bundle = bundle
        self._ends = ends
        self._request = bundle.manifest.request
        self._directory = directory
        self._ledger = ledger
        self._previous = previous
        self._on_skip = on_skip

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return job id → the gateways that read it."""
        return {job.job_id: self._gateways_of(job) for job in self._request.jobs}

    def sinks(self) -> dict[tuple[str, int], tuple[str, ...]]:
        """Return (job id, destination) → the gateways that write there."""
        return {
            (job.job_id, index): tuple(one.gateway_id for one in self._bundle.topology.at(destination.region))
            for job in self._request.jobs
            for index, destination in enumerate(job.destinations)
        }

    def goals(self) -> tuple[Goal, ...]:
        """Return what each destination of each job should have in the end."""
        surveys = {one.job_id: one for one in self._bundle.manifest.survey}
        return tuple(
            Goal(job.job_id, index, destination.url, surveys[job.job_id].objects, surveys[job.job_id].bytes)
            for job in self._request.jobs
            for index, destination in enumerate(job.destinations)
        )

    def shards(self) -> Iterator[Shard]:
        """List the sources again and yield what is missing, keeping the listing for `sweep` and verification."""
        surveys = {one.job_id: one for one in self._bundle.manifest.survey}
        for job in self._request.jobs:
            with Listing(self._directory.root / LISTING.format(job=job.job_id)) as listing:
                shards = cut_shards(
                    listing.keep(self._ends.entries(job, partial(self._on_skip, job))),
                    partition=job.job_id,
                    destinations=tuple(range(len(job.destinations))),
                    shard_bytes=self._shard_bytes(job, surveys[job.job_id].bytes),
                    run=f"{time.time_ns():x}",
                    again=lambda _: self._previous is not None,
                    missing=self._missing(job),
                )
                for shard in shards:
                    listing.flush()  # `sweep` looks where it was written to, also after a kill
                    yield shard

    def _shard_bytes(self, job: Job, total_bytes: int) -> int:
        gateways = len(self._gateways_of(job))
        if is_rehearsal(self._request):
            # A gateway takes some shards ahead. Of a large plan they are next to nothing, so they must be of its part.
            return shard_bytes_for(total_bytes, gateways=gateways, each=REHEARSED_PER_GATEWAY, least_bytes=1)
        return shard_bytes_for(total_bytes, gateways=gateways)

    def with_before(self, progress: Progress) -> Progress:
        """Return *progress* with what stood there before this run."""
        return replace(
            progress,
            destinations=tuple(
                replace(one, objects_done=one.objects_done + before[0], bytes_done=one.bytes_done + before[1])
                for goal, one in zip(self.goals(), progress.destinations, strict=True)
                for before in [self._ledger.before.get((goal.job_id, goal.destination), (0, 0))]
            ),
        )

    def _gateways_of(self, job: Job) -> tuple[str, ...]:
        return tuple(one.gateway_id for one in self._bundle.topology.at(job.source.region))

    def _missing(self, job: Job) -> Callable[[Entry], tuple[int, ...]]:
        everywhere = tuple(range(len(job.destinations)))
        previous = self._previous

        def missing(entry: Entry) -> tuple[int, ...]:
            if previous is None:
                return everywhere
            settled = {index for index in everywhere if previous.is_settled(job.job_id, index, entry.key)}
            for index in settled:
                self._ledger.stood_before(job.job_id, index, entry.size_bytes)
            return tuple(index for index in everywhere if index not in settled)

        return missing
