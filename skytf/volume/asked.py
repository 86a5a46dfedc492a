"""How often the stores of a transfer are asked, as `docs/cost.md` counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skytf.model.job import Job, Request
from skytf.model.span import Span
from skytf.model.usage import End, Requests
from skytf.volume.pieces import Pieces
from skytf.volume.ways import OWN_SCHEMES

GET, PUT, PART, LIST = "get", "put", "multipart-part", "list"
_PAGE_KEYS = 1_000  # of a listing: `S3Store.page_keys`
# Surveyed for the plan, listed again for the work; in between held against the review, where a bundle is applied.
_LISTINGS = Span(2.0, 3.0, 3.0)
_ONCE = Span(1.0, 1.0, 1.0)


def requests_of(request: Request, pieces: Mapping[str, Pieces]) -> tuple[Requests, ...]:
    """
    Return how often each store is asked when everything goes well, by end and operation.

    ``get`` has the questions about one object too (HEAD), ``put`` opens and completes an upload. Repeats are not
    counted, nor is what `skytf verify` and `skytf resume` ask.
    """
    found: list[Requests] = []
    for job in request.jobs:
        objects = pieces.get(job.job_id, Pieces())
        ends = tuple((job.job_id, index) for index in range(len(job.destinations)))
        if job.source.store.scheme not in OWN_SCHEMES:
            read = Span.exactly(float(objects.size_bytes))
            asked = _of_source(job, objects)
            found += _requests(f"{job.job_id}-source", asked, ends, read)
        for end, destination in zip(ends, job.destinations, strict=True):
            if destination.store.scheme not in OWN_SCHEMES:
                asked = _of_destination(job, objects, request.settings.if_exists)
                found += _requests(f"{job.job_id}-destination-{end[1]}", asked, (end,), Span.exactly(0.0))
    return tuple(found)


def _requests(end: str, asked: Mapping[str, Span], ends: Sequence[End], read: Span) -> list[Requests]:
    return [
        Requests(end, operation, count, tuple(ends), read if operation == GET else Span.exactly(0.0))
        for operation, count in sorted(asked.items())
        if count.high != 0.0
    ]


def _of_source(job: Job, objects: Pieces) -> dict[str, Span]:
    """A HEAD per object before it is read, a GET per chunk and per whole object that has bytes; listings."""
    count = Span.exactly(float(objects.objects))
    gets = count + objects.filled + objects.chunks
    if job.recursive:
        return {GET: gets, LIST: _pages(objects.objects) * _LISTINGS + _ONCE}
    return {GET: gets + _LISTINGS, LIST: _ONCE}


def _of_destination(job: Job, objects: Pieces, if_exists: str) -> dict[str, Span]:
    """
    A PUT per whole object; per cut one an upload that is opened, filled, completed and looked at.

    Where what stands there is not replaced, each object is looked for first, and may not be written at all. In the end
    the destination is listed: what it holds besides is not known, and not counted.
    """
    count = Span.exactly(float(objects.objects))
    gets = objects.cut + _ONCE
    puts = objects.whole + objects.cut.scaled(2.0)
    puts = Span(max(puts.low, float(objects.objects)), puts.likely, min(puts.high or 0.0, 2.0 * objects.objects))
    parts = objects.chunks
    if if_exists != "overwrite":
        gets = Span(float(objects.objects), (gets + count).likely, (gets + count).high)
        puts, parts = _perhaps(puts), _perhaps(parts)
    if not job.recursive:
        return {GET: gets + count, PUT: puts, PART: parts}
    return {GET: gets, PUT: puts, PART: parts, LIST: _pages(objects.objects)}


def _pages(objects: int) -> Span:
    return Span.exactly(float(max(-(-objects // _PAGE_KEYS), 1)))


def _perhaps(count: Span) -> Span:
    return Span(0.0, count.likely, count.high)
