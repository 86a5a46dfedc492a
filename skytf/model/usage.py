"""What a transfer uses of its clouds, planned or done: the quantities that `skytf.cost` puts prices to."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    read_bytes: Span = field(default_factory=lambda: Span.exactly(0.0))


@dataclass(frozen=True, slots=True)
class Usage:
    """``delivered`` are the object bytes of each destination, by which the fleet's time is shared out."""

    moved: tuple[Moved, ...]
    fleet: tuple[FleetTime, ...]
    requests: tuple[Requests, ...]
    delivered: tuple[tuple[End, int], ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunUsage:
    """
    What one run of a transfer used; a transfer that was resumed has several.

    ``began_s`` is Unix time. A run that has not ``ended`` in order was killed: what it moved is not known, and of its
    fleet's time at most how long it can have stood. ``transfer_s`` is the phase in which bytes moved.
    """

    began_s: float
    ended: bool = False
    transfer_s: float = 0.0
    fleet_s: Span = field(default_factory=Span)
    usage: Usage = field(default_factory=lambda: Usage((), (), (), ()))
