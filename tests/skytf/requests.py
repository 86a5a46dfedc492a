"""Requests for tests of the planner and what follows it."""

from __future__ import annotations

from gateway.stores.base import StoreSpec
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region

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
