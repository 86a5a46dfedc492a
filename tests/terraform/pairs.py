"""Root modules as the product renders them, for transfers between clouds that have a provider."""

from __future__ import annotations

from pathlib import Path

from gateway.stores.base import StoreSpec
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import sheet
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.planner import plan
from skytf.render.root import root_module

_BUCKETS = {"s3": "bucket", "azure": "account/container", "gs": "bucket", "cos": "bucket"}


def clouds() -> list[str]:
    """Return the clouds that have a provider, sorted."""
    return [cloud for cloud in sorted(CLOUDS) if sheet(cloud).provider]


def lay_out(directory: Path, *pairs: tuple[str, str]) -> Path:
    """
    Write into *directory* what a transfer between the clouds of *pairs* renders, two gateways per site; return it.

    A source is in the first region of its cloud's table, a destination in the last one: two of one cloud differ.
    """
    jobs = tuple(
        Job(f"job-{number}", _end(source, 0), (_end(destination, -1),), recursive=True)
        for number, (source, destination) in enumerate(pairs)
    )
    request = Request(jobs=jobs, instances=2)
    for name, content in root_module(plan(request), request).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def _end(cloud: str, place: int) -> Endpoint:
    known = sheet(cloud)
    scheme = known.stores[0]
    store = StoreSpec(scheme, _BUCKETS[scheme])
    region = Region(cloud, sorted(known.regions)[place])
    return Endpoint(f"{scheme}://{store.bucket}/data/", store, "data/", region, access="identity")
