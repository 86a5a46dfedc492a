"""The planner's result: gateways per site and the links between them."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.model.cost import Cost
from skytf.model.prediction import Prediction
from skytf.model.region import Region


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway; ``gateway_id`` is ``<cloud>-<region>-<n>``."""

    gateway_id: str
    region: Region


@dataclass(frozen=True, slots=True)
class Link:
    """
    Connections between two gateways, in the direction the chunks flow.

    ``dialled_by_source`` is False where the receiving side must open them (it is a local site and the other is not).
    """

    source: str
    target: str
    connections: int
    dialled_by_source: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """The sites a job's bytes pass on the way to one destination, source and destination site included."""

    job_id: str
    destination: int
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """
    Gateways, links and routes, each sorted by name.

    ``prediction`` and ``cost`` follow from the rest and the catalog; a strategy leaves them None.
    """

    strategy: str
    gateways: tuple[Gateway, ...]
    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    prediction: Prediction | None = None
    cost: Cost | None = None

    def regions(self) -> tuple[Region, ...]:
        """The sites, sorted."""
        return tuple(sorted({gateway.region for gateway in self.gateways}))

    def at(self, region: Region) -> tuple[Gateway, ...]:
        """The gateways of one site, in order."""
        return tuple(gateway for gateway in self.gateways if gateway.region == region)
