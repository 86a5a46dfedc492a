"""What a link may carry between larger instances than those that measured it."""

from __future__ import annotations

from skytf.catalog.tables import Catalog
from skytf.clouds.sheet import sheet
from skytf.figures.quotes import exactly
from skytf.figures.sites import egress_cap
from skytf.model.figures import Quote
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.sites import settings

_RULE = "an instance has more bandwidth than the one that it was measured with: at most what both allow"


def for_larger(request: Request, source: Region, target: Region, catalog: Catalog, measured: Quote) -> Quote:
    """
    Return what was *measured* between two sites, its upper bound lifted where one has larger instances than had it.

    What they reach nobody knows: likely stays, and high is what the egress cap of the source's instance and the network
    cap of the target's let through.
    """
    ends = [
        _chosen_and_measured(request, source, catalog, leaving=True),
        _chosen_and_measured(request, target, catalog, leaving=False),
    ]
    value = measured.value
    if value.high is None or not any(now > then for now, then in ends if now is not None and then is not None):
        return measured
    most = min(now for now, _ in ends if now is not None)
    if most <= value.high:
        return measured
    rule = "; ".join(text for text in (measured.rule, _RULE) if text)
    return Quote(Span(value.low, value.likely, most).rounded(6), measured.date, measured.source, rule)


def _chosen_and_measured(
    request: Request, region: Region, catalog: Catalog, *, leaving: bool
) -> tuple[float | None, float | None]:
    """Return in Gbit/s what the type that gateways get first can send out or take in, and what the measured one can."""
    chosen = settings(request, region)

    def speed(instance_type: str) -> float | None:
        row = catalog.row("instances", cloud=region.cloud, instance_type=instance_type)
        if row is None:
            return None
        cap = egress_cap(row, private=chosen.private_addresses) if leaving else exactly(row, "network_gbps")
        return cap.value.likely

    return speed(chosen.instance_types[0]), speed(sheet(region.cloud).measured_instance)
