"""Has a source moved since it was reviewed? Its key ranges are compared, or every object where they are pinned."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.errors import ObjectMissing
from gateway.shard import Entry
from skytf.bundle import Bundle
from skytf.credentials import open_endpoint
from skytf.errors import Refused
from skytf.listing import MAX_NAMED, PIN, Moved, compare, pinned
from skytf.model.job import Endpoint, Job
from skytf.model.survey import JobSurvey, KeyRange
from skytf.sources import Watch, naming
from skytf.survey import Drift, drift, entries

# `--source-drift report` still refuses when more than this share of the reviewed bytes or objects may have changed.
_MOST_DRIFT = 0.10
_NAMED_RANGES = 5
_NAMED_NEW = 3
_AGAIN = "plan again, so that what moves is what was reviewed"


def check_drift(bundle: Bundle, watch: Watch) -> list[str]:
    """
    Compare the sources with what was reviewed; return a warning for each that has moved a little.

    Raises:
        Refused: A source has moved more than its request allows; the message names the key ranges, or the objects
            where they are pinned.
        InputError: A source cannot be listed any more.
    """
    request = bundle.manifest.request
    surveys = {one.job_id: one for one in bundle.manifest.survey}
    listings = bundle.listings
    warnings = []
    for job in request.jobs:
        with naming(job.source, recursive=job.recursive):
            if request.source_drift == PIN:
                found = _left(job, compare(pinned(listings[job.job_id]), _watched(job, watch)))
            else:
                now = drift(surveys[job.job_id].fingerprint, _watched(job, watch))
                found = _ranges_moved(job, surveys[job.job_id], now, may=request.source_drift != "refuse")
        if found:
            warnings.append(found)
    return warnings


def _watched(job: Job, watch: Watch) -> Iterator[Entry]:
    """Yield what stands at the source now; one object that is gone is nothing, like a thousand that are."""
    source = open_endpoint(job.source, count=watch.inquiries.of(f"{job.job_id}-source"))
    try:
        for count, entry in enumerate(entries(job, source)):
            if count % 1_000 == 0:
                watch.check()
            yield entry
    except ObjectMissing:
        if job.recursive:
            raise


def _left(job: Job, found: Moved) -> str:
    """Return a warning of what is new, refuse for what of the pinned objects is no longer there as it was."""
    source = job.source
    if lost := found.changed_count + found.gone_count:
        changed = [f"{source.url_of(key)} has changed" for key in found.changed]
        named = [*changed, *(f"{source.url_of(key)} is gone" for key in found.gone)][:MAX_NAMED]
        more = f" and {lost - len(named):,} more" if lost > len(named) else ""
        raise Refused(
            f"{source.url} is not what was reviewed: {lost:,} of its pinned objects changed or are gone:"
            f" {', '.join(named)}{more}",
            hint=_AGAIN,
        )
    if not found.new_count:
        return ""
    named = [source.url_of(key) for key in found.new[:_NAMED_NEW]]
    more = f" and {found.new_count - len(named):,} more" if found.new_count > len(named) else ""
    return f"{source.url} has objects that are not pinned and not copied: {', '.join(named)}{more}"


def _ranges_moved(job: Job, reviewed: JobSurvey, found: Drift, *, may: bool) -> str:
    if not found.ranges:
        return ""
    text = f"{job.source.url} is not what was reviewed: {_ranges(found, job.source)}"
    share = max(found.objects / max(reviewed.objects, 1), found.bytes / max(reviewed.bytes, 1))
    if not may or share > _MOST_DRIFT:
        much = f"; that is up to {share:.0%} of it" if share > _MOST_DRIFT else ""
        raise Refused(text + much, hint=_AGAIN)
    return text


def _ranges(found: Drift, source: Endpoint) -> str:
    texts = [_range(before, after, source) for before, after in found.ranges[:_NAMED_RANGES]]
    more = len(found.ranges) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def _range(before: KeyRange | None, after: KeyRange | None, source: Endpoint) -> str:
    one = after or before
    assert one is not None
    first, last = source.url_of(one.first_key), source.url_of(one.last_key)
    if first == last:
        return f"{first} {'is new' if before is None else 'is gone' if after is None else 'has changed'}"
    return f"{first} to {last} (objects: {before.objects if before else 0}, now {after.objects if after else 0})"
