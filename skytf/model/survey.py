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
class SizeClass:
    """The objects of at most *upto_bytes* (a power of two, or 0) that are larger than half of it."""

    upto_bytes: int
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class JobSurvey:
    """
    The source of one job: counts, sizes in bytes and fingerprint.

    ``skipped`` counts the names that were passed over, by reason; ``skipped_examples`` are the first of each reason:
    URL and reason. ``fingerprint`` covers all objects. ``sample`` shows where the first objects go: source key and
    destination key. ``sizes`` is how the objects' sizes are distributed, sorted. ``assumed`` says that nobody looked:
    the numbers are the user's own. ``listing_sha256`` is that of the pinned listing, hexadecimal; empty where none is
    kept.
    """

    job_id: str
    objects: int
    bytes: int
    largest_bytes: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    skipped_examples: tuple[tuple[str, str], ...] = ()
    fingerprint: tuple[KeyRange, ...] = ()
    sample: tuple[tuple[str, str], ...] = ()
    sizes: tuple[SizeClass, ...] = ()
    assumed: bool = False
    listing_sha256: str = ""


def size_class(size_bytes: int) -> int:
    """Return ``upto_bytes`` of the class that an object of *size_bytes* is in."""
    return 1 << (size_bytes - 1).bit_length() if size_bytes else 0
