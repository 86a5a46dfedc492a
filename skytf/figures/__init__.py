"""Look up in the catalog what one topology needs: the figures that stand in its bundle."""

from __future__ import annotations

from skytf.catalog.tables import Catalog
from skytf.figures.egress import egress
from skytf.figures.links import Lines, link
from skytf.figures.sites import site
from skytf.figures.stores import stores
from skytf.figures.timing import boot, teardown
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.topology import Topology


def figures(request: Request, topology: Topology, catalog: Catalog) -> Figures:
    """
    Return what *catalog* knows about the sites, links and stores of *topology*; all of them have an entry.

    What is not known is an empty `Quote`; what is estimated says by which rule. docs/catalog.md lists the rules.

    Raises:
        InputError: A row of the user's is wrong.
    """
    gateways = {one.gateway_id: one.region for one in topology.gateways}
    pairs = sorted({(gateways[one.source], gateways[one.target]) for one in topology.links})
    regions, lines = topology.regions(), Lines(catalog)
    return Figures(
        sites=tuple(site(request, region, catalog) for region in regions),
        links=tuple(link(request, source, target, lines) for source, target in pairs),
        egress=egress(request, pairs, catalog),
        stores=stores(request, catalog),
        boot_s=boot(regions, catalog),
        teardown_s=teardown(regions, catalog),
    )
