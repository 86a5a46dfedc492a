"""Figures, requests and surveys made by hand, with round numbers to compute with."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.stores.base import StoreSpec
from skytf.model.figures import EgressFigures, Figures, LinkFigures, Quote, SiteFigures, StoreFigures, Tier
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.survey import JobSurvey, SizeClass, size_class

EAST, WEST = Region("aws", "us-east-1"), Region("aws", "us-west-2")
IOWA, PARIS = Region("gcp", "us-central1"), Region("azure", "francecentral")
GB, TB = 10**9, 10**12
SCHEMES = {"aws": "s3", "gcp": "gs", "azure": "azure", "ibm": "cos", "local": "file"}


def q(likely: float, low: float | None = None, high: float | None = None) -> Quote:
    """A figure of the table that these tests made up."""
    span = Span(likely if low is None else low, likely, likely if high is None else high)
    return Quote(span, "2026-01-01", "made up")


def store(
    region: Region, name: str = "bucket", *, scheme: str = "", within: str | None = None, url: str = ""
) -> Endpoint:
    """A bucket *within* a region (a directory of this machine) that is served at *region*; *url* is its endpoint."""
    scheme = scheme or SCHEMES[region.cloud]
    if scheme == "file":
        return Endpoint(f"/{name}/", StoreSpec("file"), name, region)
    spec = StoreSpec(scheme, name, url, region=region.name if within is None else within)
    return Endpoint(f"{scheme}://{name}/", spec, "", region)


def job(source: Endpoint, *destinations: Endpoint, number: int = 0, recursive: bool = True) -> Job:
    return Job(f"job-{number}", source, destinations, recursive)


def surveyed(*sizes: int, times: int = 1, number: int = 0) -> JobSurvey:
    """What a survey says of *times* objects of each of *sizes*."""
    classes: dict[int, tuple[int, int]] = {}
    for size in sizes:
        objects, size_bytes = classes.get(size_class(size), (0, 0))
        classes[size_class(size)] = objects + times, size_bytes + size * times
    return JobSurvey(
        f"job-{number}",
        objects=len(sizes) * times,
        bytes=sum(sizes) * times,
        largest_bytes=max(sizes, default=0),
        sizes=tuple(SizeClass(upto, *counts) for upto, counts in sorted(classes.items())),
    )


def assumed(objects: int, size_bytes: int, number: int = 0) -> JobSurvey:
    return JobSurvey(f"job-{number}", objects, size_bytes, 0, assumed=True)


_WIDE, _DOLLAR, _DISK, _LINK, _BOOT, _TEARDOWN = q(100), q(1), q(0.73), q(8), q(100), q(50)


def site(
    region: Region, *, network: Quote = _WIDE, cap: Quote = _WIDE, hour: Quote = _DOLLAR, disk: Quote = _DISK
) -> SiteFigures:
    """A site whose networks do not limit anything; a disk of 1 GiB costs a tenth of a cent an hour."""
    return SiteFigures(region, "big", 32, network, cap, hour, disk, q(0.01))


def link(source: Region, target: Region, gbps: Quote = _LINK) -> LinkFigures:
    """8 Gbit/s are 1 GB per second."""
    return LinkFigures(source, target, gbps, q(50))


def egress(source: object, target: object, usd_per_gb: float, *more: tuple[float, float]) -> EgressFigures:
    """A price from the first GB on, and others from (GB) on."""
    steps = [(0.0, usd_per_gb), *more]
    ends = [begin for begin, _ in steps[1:]]
    tiers = [Tier(begin, end, q(usd)) for (begin, usd), end in zip(steps, [*ends, None], strict=True)]
    return EgressFigures(str(source), str(target), tuple(tiers))


def prices(end: str, retrieval: float = 0.0) -> StoreFigures:
    """A GET costs one unit of a thousandth of a cent, a PUT ten, a part five, a list two."""
    each = {"get": q(0.01), "put": q(0.1), "multipart-part": q(0.05), "list": q(0.02)}
    return StoreFigures(end, "standard", each, q(retrieval))


def figures(
    *,
    sites: Sequence[SiteFigures] = (),
    links: Sequence[LinkFigures] = (),
    out: Sequence[EgressFigures] = (),
    stores: Sequence[StoreFigures] = (),
    boot_s: Quote = _BOOT,
    teardown_s: Quote = _TEARDOWN,
) -> Figures:
    return Figures(tuple(sites), tuple(links), tuple(out), tuple(stores), boot_s, teardown_s)


def request(*jobs: Job, instances: int = 1, via: Region | None = None, **more: object) -> Request:
    """With 64 connections, as throughput is measured."""
    return Request(jobs, instances=instances, via=via, **{"connections": 64, **more})  # type: ignore[arg-type]  # tests name any field
