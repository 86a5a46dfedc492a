"""What became different between two bundles, as a reviewer reads it."""

from __future__ import annotations

from dataclasses import dataclass

INFRASTRUCTURE, COST, THROUGHPUT, PERMISSIONS, EXPOSURE, TRANSFER = (
    "infrastructure",
    "cost",
    "throughput",
    "permissions",
    "exposure",
    "transfer",
)
SECTIONS = (INFRASTRUCTURE, COST, THROUGHPUT, PERMISSIONS, EXPOSURE, TRANSFER)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was; ``before`` is empty where it is new, ``after`` where it is gone."""

    section: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes, in the order of `SECTIONS` and then by name; ``against`` is the digest of the older bundle."""

    against: str
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
