"""What a transfer costs: computed the same way of what is planned and of what was used."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.model.span import Span

EGRESS, INSTANCES, DISKS, ADDRESSES, REQUESTS = "egress", "instances", "disks", "addresses", "requests"
KINDS = (EGRESS, INSTANCES, DISKS, ADDRESSES, REQUESTS)


@dataclass(frozen=True, slots=True)
class CostLine:
    """
    One line of a bill: ``quantity`` in ``unit`` times ``usd_per_unit``, which of tiers is the average price.

    A unit is ``GB`` (10^9 bytes) or ``GiB``, as who bills it counts, ``hours``, ``GB-months`` or ``thousand``.

    ``kind`` is one of `KINDS`, ``where`` the region or store that bills it, ``what`` says of what in words. ``source``
    names where the price is from, with its date; empty where it is not known.
    """

    kind: str
    where: str
    what: str
    quantity: Span
    unit: str
    usd_per_unit: Span
    usd: Span
    source: str = ""


@dataclass(frozen=True, slots=True)
class CostShare:
    """What one destination of one job comes to: its own lines, and its share of the fleet by bytes."""

    job_id: str
    destination: int
    url: str
    usd: Span


@dataclass(frozen=True, slots=True)
class Cost:
    """A bill in US dollars before tax; ``unknown`` names in words the prices that are missing from it."""

    lines: tuple[CostLine, ...]
    shares: tuple[CostShare, ...]
    total_usd: Span
    unknown: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> Span:
        """Return the sum of the lines of one of `KINDS`."""
        return Span.total(line.usd for line in self.lines if line.kind == kind)
