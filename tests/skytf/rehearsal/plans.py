"""Bundles of plans between clouds, made without any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.stores.base import StoreSpec
from skytf.bundle import Bundle, Manifest
from skytf.model.figures import Figures, LinkFigures, Quote, SiteFigures
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.model.survey import JobSurvey, SizeClass
from skytf.planner import plan
from skytf.prepare import derive

EAST, RELAY, GOOGLE, AZURE = (
    Region.parse(text) for text in ("aws:us-east-1", "aws:eu-west-1", "gcp:us-central1", "azure:westeurope")
)
SURVEY = JobSurvey(
    "job-0",
    100_010,
    10**8 + 10**13,
    10**12,
    sizes=(SizeClass(1024, 10**5, 10**8), SizeClass(1 << 40, 10, 10**13)),
)
# Gbit/s and round trip in ms of each link.
RATES: Mapping[tuple[Region, Region], tuple[float | None, float | None]] = {
    (EAST, RELAY): (4.0, 80.0),
    (RELAY, GOOGLE): (2.0, 100.0),
    (RELAY, AZURE): (8.0, 20.0),
}


def known(value: float | None) -> Quote:
    """A figure of the catalog, None for one that it lacks."""
    return Quote() if value is None else Quote(Span.exactly(value), "2026-11-01", "a test")


def asked(*, instances: int = 2, via: Region | None = RELAY) -> Request:
    """From AWS to Google and Azure, by keys that nobody has."""
    source = Endpoint("s3://from/a", StoreSpec("s3", "from", credentials="from"), "a", EAST)
    to_google = Endpoint("gs://to/b", StoreSpec("gs", "to", credentials="to"), "b", GOOGLE)
    to_azure = Endpoint("azure://acc/con/c", StoreSpec("azure", "acc/con"), "c", AZURE, access="identity")
    return Request((Job("job-0", source, (to_google, to_azure), recursive=True),), instances=instances, via=via)


def figures(
    request: Request, rates: Mapping[tuple[Region, Region], tuple[float | None, float | None]], cap_gbps: float | None
) -> Figures:
    """What a catalog with *rates* says, and *cap_gbps* as the egress cap of every VM."""
    regions = plan(request).regions()
    return Figures(
        sites=tuple(
            SiteFigures(one, "", 16, known(None), known(cap_gbps), known(1.0), known(0.1), known(0.0))
            for one in regions
        ),
        links=tuple(
            LinkFigures(source, target, known(gbps), known(rtt_ms))
            for (source, target), (gbps, rtt_ms) in rates.items()
        ),
        boot_s=known(60.0),
        teardown_s=known(60.0),
    )


def bundle(
    request: Request | None = None,
    *,
    survey: JobSurvey = SURVEY,
    rates: Mapping[tuple[Region, Region], tuple[float | None, float | None]] = RATES,
    cap_gbps: float | None = None,
) -> Bundle:
    """A bundle that was planned offline."""
    request = request or asked()
    return derive(Manifest(request, (replace(survey, assumed=True),), figures(request, rates, cap_gbps)))
