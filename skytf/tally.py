"""What a transfer should reach, and what it has reached, as counts per job and destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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


class Inquiries:
    """What this machine asks of the stores of a transfer, one thread after the other."""

    def __init__(self) -> None:
        self._asked: dict[str, Counter[str]] = {}

    def of(self, end: str) -> Callable[[str, int], None]:
        """Return what counts the requests to *end*, ``<job id>-source`` or ``<job id>-destination-<n>``."""
        counts = self._asked.setdefault(end, Counter())

        def count(operation: str, amount: int) -> None:
            if not operation.endswith("_bytes"):  # its bytes are no part of what is moved
                counts[operation] += amount

        return count

    def read(self) -> dict[str, dict[str, int]]:
        """Return end → operation → requests so far."""
        return {end: dict(counts) for end, counts in self._asked.items() if counts}
