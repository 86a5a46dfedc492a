"""What a transfer uses of its clouds, planned or done: the quantities that `skytf.cost` puts prices to."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.model.region import Region
from skytf.model.span import Span

# One destination of one job: job id and index.
End = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Moved:
    """
    Bytes on the wire from *source* to *target*, each the text of a region or, of a store elsewhere, its name.

    ``ends`` are the destinations that these bytes are for; the names are those of `EgressFigures`.
    """

    source: str
    target: str
    wire_bytes: Span
    ends: tuple[End, ...]


@dataclass(frozen=True, slots=True)
class FleetTime:
    """How long each of the *gateways* of a site stands, from its start to its end."""

    region: Region
    gateways: int
    seconds: Span


@dataclass(frozen=True, slots=True)
class Requests:
    """
    How often a store was asked: ``end`` as in `StoreFigures`, ``operation`` one of its operations.

    ``read_bytes`` counts for stores that bill what is read; ``ends`` are the destinations that it was for.
    """

    end: str
    operation: str
    count: Span
    ends: tuple[End, ...]
    read_bytes: Span = Span(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Usage:
    """``delivered`` are the object bytes of each destination, by which the fleet's time is shared out."""

    moved: tuple[Moved, ...]
    fleet: tuple[FleetTime, ...]
    requests: tuple[Requests, ...]
    delivered: tuple[tuple[End, int], ...]
    unknown: tuple[str, ...] = ()
