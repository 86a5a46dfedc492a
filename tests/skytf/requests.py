"""Requests for tests of the planner and what follows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.stores.base import StoreSpec
from skytf.model.figures import Figures
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.review import Page
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.review import review

A, B, C, R = (Region("local", name) for name in "abcr")


def path(name: str, region: Region) -> Endpoint:
    return Endpoint(f"/{name}", StoreSpec("file"), name, region)


def bucket(name: str, prefix: str, region: Region) -> Endpoint:
    spec = StoreSpec("s3", name, "http://127.0.0.1:9", credentials="keys")
    return Endpoint(f"s3://{name}/{prefix}", spec, prefix, region)


def job(number: int = 0, *, source: Endpoint | None = None, destinations: tuple[Endpoint, ...] = ()) -> Job:
    return Job(f"job-{number}", source or path("in", A), destinations or (path("out", B),), recursive=True)


def request(*jobs: Job, instances: int = 1, via: Region | None = None) -> Request:
    return Request(jobs=jobs or (job(),), instances=instances, via=via)


def page(asked: Request, surveys: Sequence[JobSurvey], **more: Any) -> Page:
    """What PLAN.md of *asked* is rendered from, with a catalog that knows nothing."""
    topology = plan(asked)
    return Page(asked, tuple(surveys), topology, Figures(), review(asked, topology, None), **more)
