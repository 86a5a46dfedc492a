"""
Objects that no store has: what a rehearsal moves instead of the reviewed ones, of the same sizes.

An end whose store has the scheme `GENERATED` is made up by the gateways as it is read, one of `DISCARDED` is confirmed
and forgotten. No adapter opens either, so that nothing which belongs to a rehearsal can ever reach a bucket.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from gateway.mapping import as_folder, suffix_of
from gateway.shard import Entry
from skytf.model.job import Job, Request
from skytf.model.survey import JobSurvey

GENERATED, DISCARDED = "generated", "discard"


def is_rehearsal(request: Request) -> bool:
    """Return whether the ends of *request* are made up."""
    return any(job.source.store.scheme == GENERATED for job in request.jobs)


def made_up(job: Job, survey: JobSurvey) -> Iterator[Entry]:
    """
    Yield what *survey* counted as objects of *job*, in the order of their keys: the same ones each time.

    Within a class of sizes all objects are equally large, to a byte; large and small ones come mixed, in an order
    that depends on their numbers alone. All sizes are held in memory.
    """
    sizes = [size for one in survey.sizes for size in _shares(one.bytes, one.objects)]
    order = sorted(range(len(sizes)), key=lambda number: hashlib.blake2b(f"{job.job_id}/{number}".encode()).digest())
    width = len(str(len(sizes)))
    for place, number in enumerate(order):
        key = f"{as_folder(job.source.prefix)}object-{place:0{width}}" if job.recursive else job.source.prefix
        suffix = suffix_of(job.source.prefix, key, recursive=job.recursive)
        yield Entry(key, suffix or key, sizes[number], version="")


def _shares(total: int, number: int) -> Iterator[int]:
    """Yield *total* in *number* parts that differ by one at most."""
    least, more = divmod(total, max(number, 1))
    yield from (least + (place < more) for place in range(number))
