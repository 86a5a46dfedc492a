"""What a transfer should reach, and what it has reached, as counts per job and destination."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Receipts of one destination of one job; ``compared`` are objects whose store reported the right digest."""

    objects: int = 0
    bytes: int = 0
    skipped: int = 0
    compared: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """What one destination of one job should have in the end."""

    job_id: str
    destination: int
    url: str
    objects: int
    bytes: int


@dataclass(slots=True)
class Outcome:
    """What dispatch ended with."""

    tallies: dict[tuple[str, int], Tally]
    gateways_lost: tuple[str, ...]
    frames_resent: int
