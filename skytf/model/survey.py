"""What a survey found at the sources, as it stands in a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KeyRange:
    """
    One row of a fingerprint: the objects from *first_key* to *last_key*, both included, in the order of UTF-8 bytes.

    ``digest`` (hexadecimal) covers each object's key, size and version.
    """

    first_key: str
    last_key: str
    objects: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class JobSurvey:
    """
    The source of one job: counts, sizes in bytes and fingerprint.

    ``skipped`` counts the names that were passed over, by reason; ``skipped_examples`` are the first of each reason:
    URL and reason. ``fingerprint`` covers all objects. ``sample`` shows where the first objects go: source key and
    destination key. ``assumed`` says that nobody looked: the numbers are the user's own.
    """

    job_id: str
    objects: int
    bytes: int
    largest_bytes: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    skipped_examples: tuple[tuple[str, str], ...] = ()
    fingerprint: tuple[KeyRange, ...] = ()
    sample: tuple[tuple[str, str], ...] = ()
    assumed: bool = False
