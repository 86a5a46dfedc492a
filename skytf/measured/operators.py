"""Which operator of a fleet was the slow one, from what each gateway counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.meter import Metered, bottleneck
from skytf.model.region import Region
from skytf.model.topology import Topology
from skytf.monitor.events import OperatorTotals, Totals
from skytf.report import OperatorUse


@dataclass(slots=True)
class _Sum:
    gateways: set[str] = field(default_factory=set)
    chunks: int = 0
    size_bytes: int = 0
    busy_s: float = 0.0
    waiting_s: float = 0.0

    def add(self, gateway: str, one: OperatorTotals) -> None:
        self.gateways.add(gateway)
        self.chunks += one.chunks
        self.size_bytes += one.bytes
        self.busy_s += one.busy_s
        self.waiting_s += one.waiting_s


def operators_of(topology: Topology, totals: Mapping[str, Totals]) -> tuple[OperatorUse, ...]:
    """
    Return what the operators did, equal ones of a site together, in the order that bytes pass them.

    A site comes where it is first on a way. Who sends names the sites that it sends to, who writes the destination.
    """
    site = {gateway.gateway_id: gateway.region for gateway in topology.gateways}
    depth = {region: _depth(region, topology) for region in topology.regions()}
    sums: dict[tuple[int, str, int, str, str], _Sum] = {}
    for gateway, told in sorted(totals.items()):
        here = site[gateway]
        for one in told.operators:
            to = ", ".join(sorted({str(site[name]) if name in site else name for name in one.to}))
            sums.setdefault((depth[here], str(here), one.step, one.op, to), _Sum()).add(gateway, one)
    return tuple(
        OperatorUse(
            site=where,
            op=op,
            to=to,
            gateways=len(found.gateways),
            chunks=found.chunks,
            bytes=found.size_bytes,
            busy_s=round(found.busy_s, 3),
            waiting_s=round(found.waiting_s, 3),
        )
        for (_, where, _, op, to), found in sorted(sums.items(), key=lambda item: item[0])
    )


def slowest(flow: Sequence[OperatorUse]) -> str:
    """Return the name of the operator of *flow* that held the others up; empty where none has worked."""
    place = bottleneck([Metered(one.chunks, one.bytes, one.busy_s, one.waiting_s) for one in flow])
    return "" if place is None else flow[place].name


def _depth(region: Region, topology: Topology) -> int:
    return min((route.regions.index(region) for route in topology.routes if region in route.regions), default=0)
