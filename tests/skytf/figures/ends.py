"""Ends, jobs and catalogs for tests of figures; real regions, and the built-in rows unless a test says otherwise."""

from __future__ import annotations

from typing import Any

from gateway.stores.base import StoreSpec
from skytf.catalog.tables import Catalog, load
from skytf.figures import figures
from skytf.model.figures import Figures
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.planner import plan


def end(url: str, site: str, *, region: str = "", endpoint_url: str = "") -> Endpoint:
    """Return the end *url*, whose gateways stand in *site*; its store is in *region*, by default there too."""
    scheme, _, rest = url.partition("://")
    at = Region.parse(site)
    spec = StoreSpec(scheme, "" if scheme == "file" else rest, endpoint_url, region or at.name)
    return Endpoint(url, spec, "", at)


def request(source: Endpoint, *destinations: Endpoint, **more: Any) -> Request:
    return Request((Job("job-0", source, destinations, recursive=True),), **more)


def of(asked: Request, catalog: Catalog | None = None) -> Figures:
    return figures(asked, plan(asked), catalog or load())
