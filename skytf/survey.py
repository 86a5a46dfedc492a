"""List the sources, count, and take fingerprints; streamed, so that memory does not grow with the object count."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.mapping import as_folder, destination_key, suffix_of
from gateway.shard import Entry
from gateway.stores.base import Skipped, Store
from skytf.model.job import Job
from skytf.model.survey import JobSurvey, KeyRange, SizeClass, size_class

MAX_RANGES = 1_000
MAX_EXAMPLES = 20
SAMPLE = 5
_MODULUS = 1 << 256


def entries(job: Job, store: Store, *, on_skip: Callable[[Skipped], None] | None = None) -> Iterator[Entry]:
    """
    Yield what *job* moves, in the order of the keys' UTF-8 bytes.

    A job that is not recursive is one object: its key is looked up, not listed, so neighbours that share its
    prefix neither disturb it nor cost anything.

    Raises:
        ObjectMissing, BucketMissing, AccessDenied, StoreUnavailable: As the store says.
    """
    prefix = job.source.prefix
    if not job.recursive:
        head = store.head(prefix)
        suffix = suffix_of(prefix, prefix, recursive=False)
        yield Entry(prefix, suffix or prefix, head.size_bytes, head.version, head.attributes.mtime_s)
        return
    # What is below foo/ is meant: asking for that spares the siblings' pages.
    for listed in store.list(as_folder(prefix), on_skip=on_skip):
        suffix = suffix_of(prefix, listed.key, recursive=True)
        if suffix:
            yield Entry(listed.key, suffix, listed.size_bytes, listed.version, listed.mtime_s)


@dataclass(slots=True)
class _Range:
    first_key: str
    last_key: str
    objects: int = 0
    size_bytes: int = 0
    digest: int = 0

    def add(self, entry: Entry) -> None:
        self.last_key = entry.key
        self.objects += 1
        self.size_bytes += entry.size_bytes
        self.digest = (self.digest + _object_digest(entry)) % _MODULUS

    def absorb(self, later: _Range) -> None:
        self.last_key = later.last_key
        self.objects += later.objects
        self.size_bytes += later.size_bytes
        self.digest = (self.digest + later.digest) % _MODULUS

    def frozen(self) -> KeyRange:
        return KeyRange(self.first_key, self.last_key, self.objects, self.size_bytes, f"{self.digest:064x}")


def _object_digest(entry: Entry) -> int:
    text = "\0".join((entry.key, str(entry.size_bytes), entry.version))
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


@dataclass(slots=True)
class Fingerprint:
    """A table of at most `MAX_RANGES` key ranges that grows coarser as objects come in."""

    ranges: list[_Range] = field(default_factory=list)
    per_range: int = 1

    def add(self, entry: Entry) -> None:
        """Count *entry*, whose key is above all before it."""
        if not self.ranges or self.ranges[-1].objects >= self.per_range:
            if len(self.ranges) == MAX_RANGES:
                self._halve()
            if not self.ranges or self.ranges[-1].objects >= self.per_range:
                self.ranges.append(_Range(entry.key, entry.key))
        self.ranges[-1].add(entry)

    def _halve(self) -> None:
        for left, right in zip(self.ranges[::2], self.ranges[1::2], strict=True):
            left.absorb(right)
        self.ranges = self.ranges[::2]
        self.per_range *= 2

    def table(self) -> tuple[KeyRange, ...]:
        """The ranges so far."""
        return tuple(one.frozen() for one in self.ranges)


def _ignore(*_: object) -> None: ...


def survey(
    job: Job,
    store: Store,
    *,
    on_count: Callable[[int, int], None] = _ignore,
    on_entry: Callable[[Entry], None] = _ignore,
    on_skip: Callable[[Skipped], None] | None = None,
    report_every: int = 10_000,
) -> JobSurvey:
    """
    Return what the source of *job* holds.

    *on_entry* sees every entry and may raise, *on_skip* every name that is passed over; *on_count* hears (objects,
    bytes) every *report_every* entries and in the end.

    Raises:
        ObjectMissing, BucketMissing, AccessDenied, StoreUnavailable: As the store says.
    """
    fingerprint = Fingerprint()
    reasons: Counter[str] = Counter()
    examples: list[tuple[str, str]] = []
    sample: list[tuple[str, str]] = []
    sizes: dict[int, list[int]] = {}
    objects = size_bytes = largest = 0

    def skip(name: Skipped) -> None:
        reasons[name.reason] += 1
        if on_skip is not None:
            on_skip(name)
        if reasons[name.reason] <= MAX_EXAMPLES:
            examples.append((job.source.url_of(name.key), name.reason))

    for entry in entries(job, store, on_skip=skip):
        on_entry(entry)
        fingerprint.add(entry)
        objects += 1
        size_bytes += entry.size_bytes
        largest = max(largest, entry.size_bytes)
        of_class = sizes.setdefault(size_class(entry.size_bytes), [0, 0])
        of_class[0] += 1
        of_class[1] += entry.size_bytes
        if len(sample) < SAMPLE:
            first = job.destinations[0]
            target = destination_key(first.prefix, entry.suffix, recursive=job.recursive)
            sample.append((job.source.url_of(entry.key), first.url_of(target)))
        if objects % report_every == 0:
            on_count(objects, size_bytes)
    on_count(objects, size_bytes)
    return JobSurvey(
        job_id=job.job_id,
        objects=objects,
        bytes=size_bytes,
        largest_bytes=largest,
        skipped=dict(sorted(reasons.items())),
        skipped_examples=tuple(sorted(examples)),
        fingerprint=fingerprint.table(),
        sample=tuple(sample),
        sizes=tuple(SizeClass(upto, *counts) for upto, counts in sorted(sizes.items())),
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a source has moved from what was reviewed: the ranges that changed, old and new counts in sum."""

    ranges: tuple[tuple[KeyRange | None, KeyRange | None], ...]
    objects: int
    bytes: int


def drift(reviewed: Sequence[KeyRange], now: Iterable[Entry]) -> Drift:
    """
    Compare a listing with the reviewed table, range by range.

    An object belongs to the first reviewed range whose last key is not below its own; what
    comes after the last range is a range of its own. ``objects`` and ``bytes`` are the size of the changed ranges,
    the larger of before and after: an upper bound of what changed.
    """
    lasts = [one.last_key for one in reviewed]  # UTF-8 byte order is the order of Python strings
    found: dict[int, _Range] = {}
    for entry in now:
        index = bisect_left(lasts, entry.key)
        found.setdefault(index, _Range(entry.key, entry.key)).add(entry)
    changed: list[tuple[KeyRange | None, KeyRange | None]] = []
    objects = size_bytes = 0
    for index in range(len(reviewed) + 1):
        before = reviewed[index] if index < len(reviewed) else None
        after = found[index].frozen() if index in found else None
        if (before is None and after is None) or (before and after and before.digest == after.digest):
            continue
        changed.append((before, after))
        objects += max(before.objects if before else 0, after.objects if after else 0)
        size_bytes += max(before.bytes if before else 0, after.bytes if after else 0)
    return Drift(tuple(changed), objects, size_bytes)
