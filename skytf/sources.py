"""Both ends of a transfer before anything is created: can they be used, what is there, is it what was reviewed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.errors import BucketMissing, ObjectMissing, StoreError
from gateway.locations import self_overwriting_suffix
from gateway.mapping import as_folder
from gateway.shard import Entry
from gateway.units import format_bytes
from skytf.credentials import open_endpoint
from skytf.errors import InputError
from skytf.hooks import Hooks
from skytf.listing import PIN, Pinning
from skytf.model.job import Endpoint, Job, Request
from skytf.model.survey import JobSurvey
from skytf.survey import survey
from skytf.tally import Inquiries

# Whoever mistyped an address wants to hear of it at once.
_FIRST_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of a long listing (*hooks*), what ends it (*check* raises), and what counts the requests."""

    hooks: Hooks
    check: Callable[[], None]
    inquiries: Inquiries = field(default_factory=Inquiries)


def surveyed(request: Request, watch: Watch) -> tuple[tuple[JobSurvey, ...], Mapping[str, bytes]]:
    """
    List the source of every job, after looking whether both ends can be used at all.

    Returns what was found, and job id → listing where the listing is pinned.

    Raises:
        InputError: An end is missing or cannot be used, or there is nothing to copy, or too much to be pinned.
    """
    listings: dict[str, bytes] = {}
    surveys = []
    for job in request.jobs:
        pinning = Pinning(job.source.url) if request.source_drift == PIN else None
        found = _surveyed(job, watch, pinning)
        if pinning is not None:
            listings[job.job_id] = pinning.content()
            found = replace(found, listing_sha256=hashlib.sha256(listings[job.job_id]).hexdigest())
        surveys.append(found)
    return tuple(surveys), listings


def check_ends(job: Job) -> None:
    """
    Look whether both ends of *job* can be read; a destination to which nothing was written yet can.

    Raises:
        InputError: One of them cannot.
    """
    with naming(job.source):
        open_endpoint(job.source, max_attempts=_FIRST_ATTEMPTS).check_readable(job.source.prefix)
    for destination in job.destinations:
        store = open_endpoint(destination, max_attempts=_FIRST_ATTEMPTS)
        with naming(destination):
            try:
                store.check_readable(destination.prefix)
            except BucketMissing:
                store.check_readable("")  # of files that is the root directory, of a bucket the bucket


def _surveyed(job: Job, watch: Watch, pinning: Pinning | None) -> JobSurvey:
    asked = watch.inquiries.of(f"{job.job_id}-source")
    with naming(job.source):
        source = open_endpoint(job.source, max_attempts=_FIRST_ATTEMPTS, count=asked)
        source.check_readable(job.source.prefix)
    for index, destination in enumerate(job.destinations):
        with naming(destination):
            there = watch.inquiries.of(f"{job.job_id}-destination-{index}")
            store = open_endpoint(destination, max_attempts=_FIRST_ATTEMPTS, count=there)
            store.check_writable(destination.prefix)

    def count(objects: int, size_bytes: int) -> None:
        watch.check()
        watch.hooks.on_survey(job.job_id, objects, size_bytes)

    guards = [_guard(job)]
    on_skip = None
    if pinning is not None:
        guards.append(pinning.entry)
        on_skip = pinning.skipped
    with naming(job.source, recursive=job.recursive):
        source = open_endpoint(job.source, count=asked)
        found = survey(job, source, on_count=count, on_entry=_all(guards), on_skip=on_skip, report_every=1_000)
    if not found.objects:
        raise _nothing(job, found)
    _check_room(job.destinations, found)
    return found


def _all(hear: Sequence[Callable[[Entry], None]]) -> Callable[[Entry], None]:
    def each(entry: Entry) -> None:
        for one in hear:
            one(entry)

    return each


def _guard(job: Job) -> Callable[[Entry], None]:
    """Return what refuses an entry that would land on the source itself (``a/b`` copied to ``a`` meets ``a/b/b``)."""
    inside = []
    for destination in job.destinations:
        begins = self_overwriting_suffix(
            (job.source.store, job.source.prefix),
            (destination.store, destination.prefix),
            recursive=job.recursive,
            resolve=os.path.realpath,
        )
        if begins:
            inside.append((begins, destination.url))

    def check(entry: Entry) -> None:
        for begins, url in inside:
            if entry.suffix.startswith(begins):
                raise InputError(
                    f"{entry.key!r} of {job.source.url} would be written into the source itself by copying to {url}",
                    hint="choose a destination that does not contain the source",
                )

    return check


def _check_room(destinations: Sequence[Endpoint], found: JobSurvey) -> None:
    """Refuse to fill a disk: what is there already may be overwritten, so only a disk that can never hold it counts."""
    for destination in destinations:
        if destination.store.scheme != "file":
            continue
        parent = Path("/" + destination.prefix)
        while not parent.exists():
            parent = parent.parent
        usage = shutil.disk_usage(parent)
        if found.bytes > usage.total:
            raise InputError(
                f"{destination.url} is on a disk of {format_bytes(usage.total)},"
                f" which cannot hold {format_bytes(found.bytes)}",
                hint="choose a larger disk, or copy less",
            )


def _nothing(job: Job, found: JobSurvey) -> InputError:
    skipped = ", ".join(f"{number:,} {reason}" for reason, number in found.skipped.items())
    hint = _one_object(job.source) or "look at how the source is spelled"
    if skipped:
        hint = f"what is there cannot be copied ({skipped}): {found.skipped_examples[0][0]}"
    return InputError(f"there is nothing to copy below {job.source.url}", hint=hint)


@contextmanager
def naming(endpoint: Endpoint, *, recursive: bool | None = None) -> Iterator[None]:
    """
    Turn what a store says of *endpoint* before anything was created into a word about the user's input.

    *recursive* says how a source is to be read; None of a destination.
    """
    try:
        yield
    except StoreError as error:
        text, hint = str(error), error.hint
        if isinstance(error, ObjectMissing) and not hint:
            text = f"there is no object {endpoint.url}"
            hint = (not recursive and _many_objects(endpoint)) or "look at how it is spelled"
        elif endpoint.url.rstrip("/") not in text:
            text = f"{endpoint.url} cannot be used: {text}"
        if recursive:
            hint = _one_object(endpoint) or hint
        raise InputError(text, hint=hint) from error


def _one_object(endpoint: Endpoint) -> str:
    """Return what to do where a source that is to be copied recursively is one object."""
    try:
        open_endpoint(endpoint).head(endpoint.prefix)
    except StoreError:
        return ""
    return "it is one object: leave out --recursive to copy it"


def _many_objects(endpoint: Endpoint) -> str:
    """Return what to do where a source that should be one object is only the beginning of the names of others."""
    try:
        one = next(open_endpoint(endpoint).list(as_folder(endpoint.prefix)), None)
    except StoreError:
        return ""
    return "there are objects below it: add --recursive to copy them" if one is not None else ""
