"""How large pools and how long a time limit must be for what a survey has found. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from gateway.chunk import cut
from skytf.clouds.sheet import sheet
from skytf.model.job import Request
from skytf.model.prediction import Prediction
from skytf.model.survey import JobSurvey
from skytf.resolve import CHUNKS_IN_POOL
from skytf.sites import regions_of

# Where no throughput is known the fleet gets three times what a line of 100 Mbit/s would need, between clouds
# one of 1 Gbit/s for each gateway of a site. What is more than a provider's own limit on a VM (GCP: 120 days) must be
# asked for.
_SLOWEST_BYTES_PER_S = 12_500_000
_SLOWEST_OF_CLOUDS_BYTES_PER_S = 125_000_000
_TIMES_PREDICTED = 3
_LONGEST_MINUTES = 120 * 24 * 60


def with_pool(request: Request, surveys: Iterable[JobSurvey]) -> Request:
    """Return *request* with pools that hold a few of the largest chunks: a store's limit on parts makes chunks grow."""
    settings = request.settings
    chunks = [
        cut(one.largest_bytes, chunk_bytes=settings.chunk_bytes, threshold_bytes=settings.threshold_bytes)[0].size_bytes
        for one in surveys
    ]
    pool_bytes = max(settings.pool_bytes, CHUNKS_IN_POOL * max(chunks, default=0))
    return replace(request, settings=replace(settings, pool_bytes=pool_bytes))


def with_duration(request: Request, surveys: Iterable[JobSurvey], prediction: Prediction) -> Request:
    """
    Return *request* with the fleet's time limit made long enough for what was found.

    Three times the likely time, which is room for what a prediction cannot know; its upper bound does not count: where
    little is known that is this very limit, and a fleet that hangs would be paid for as long. Where no time is likely,
    what a slow line would need.
    """
    if prediction.fleet_s.likely is not None:
        minutes = min(math.ceil(_TIMES_PREDICTED * prediction.fleet_s.likely / 60), _LONGEST_MINUTES)
        return replace(request, ttl_minutes=max(request.ttl_minutes, minutes))
    size_bytes = sum(one.bytes for one in surveys) * max(len(job.destinations) for job in request.jobs)
    in_clouds = all(sheet(region.cloud).provider is not None for region in regions_of(request))
    slowest = _SLOWEST_OF_CLOUDS_BYTES_PER_S * request.instances if in_clouds else _SLOWEST_BYTES_PER_S
    minutes = min(_TIMES_PREDICTED * size_bytes // slowest // 60, _LONGEST_MINUTES)
    return replace(request, ttl_minutes=max(request.ttl_minutes, minutes))
