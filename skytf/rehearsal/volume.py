"""How much a rehearsal moves: a part of what was surveyed, with the same distribution of sizes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.units import format_bytes
from skytf.model.survey import JobSurvey, SizeClass, size_class

# Each object costs some bytes of the client's memory and journal, whatever its size.
MOST_OBJECTS = 20_000
# A share of a count that is whole but for what floats make of it is whole.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Capped:
    """A part of what was surveyed; ``notes`` say in words what is not as it was."""

    surveys: tuple[JobSurvey, ...]
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """The bytes of all jobs."""
        return sum(one.bytes for one in self.surveys)


def capped(surveys: tuple[JobSurvey, ...], share: float, least: Mapping[str, int] | None = None) -> Capped:
    """
    Return *share* (0 to 1) of the bytes of *surveys*, and of the objects of every size.

    Each class of sizes gives its part of the bytes, spread over its part of the objects, rounded up: an object is
    never larger than those that it stands for, and smaller only where the part does not hold a whole one, or where it
    would be more of the job than one of *least* (job id → count) equal parts: the class then gives more objects, as
    far as it has them.
    """
    found = tuple(_capped(one, share, (least or {}).get(one.job_id, 1)) for one in surveys)
    notes = []
    whole, part = sum(one.bytes for one in surveys), sum(one.bytes for one in found)
    if share < 1:
        notes.append(f"{format_bytes(part)} of {format_bytes(whole)} are played, with the same distribution of sizes")
    for before, after in zip(surveys, found, strict=True):
        usual, played = format_bytes(_each(_classes(before)[-1])), format_bytes(_each(after.sizes[-1]))
        if usual != played:
            notes.append(
                f"{before.job_id}: its largest objects, of some {usual}, are shortened to {played}, so that the part"
                " has enough of them"
            )
        if not before.sizes:
            notes.append(f"{before.job_id}: nobody knows how large its objects are: all are played equally large")
    return Capped(found, tuple(notes))


def _capped(survey: JobSurvey, share: float, least: int) -> JobSurvey:
    counts: dict[int, list[int]] = {}
    largest = 0
    for one in _classes(survey):
        parts = math.ceil(least * one.bytes / max(survey.bytes, 1) - _ROUNDING)
        objects = max(math.ceil(one.objects * share - _ROUNDING), min(parts, one.objects), 1)
        size_bytes = min(round(one.bytes * share), one.bytes)
        each = _each(SizeClass(one.upto_bytes, objects, size_bytes))
        largest = max(largest, each)
        of_class = counts.setdefault(size_class(each), [0, 0])
        of_class[0] += objects
        of_class[1] += size_bytes
    sizes = tuple(SizeClass(upto, *of_class) for upto, of_class in sorted(counts.items()))
    return replace(
        survey,
        objects=sum(one.objects for one in sizes),
        bytes=sum(one.bytes for one in sizes),
        largest_bytes=largest,
        skipped={},
        skipped_examples=(),
        fingerprint=(),
        sample=(),
        sizes=sizes,
        assumed=False,
        listing_sha256="",
    )


def _classes(survey: JobSurvey) -> tuple[SizeClass, ...]:
    """Return the distribution of sizes; where nobody looked all objects are equally large."""
    if survey.sizes:
        return tuple(one for one in survey.sizes if one.objects)
    return (SizeClass(size_class(-(-survey.bytes // survey.objects)), survey.objects, survey.bytes),)


def _each(one: SizeClass) -> int:
    """Return how large the objects of a class are on average, in bytes, rounded up."""
    return -(-one.bytes // one.objects)
