"""Compare the contents of both ends of a copy, without a fleet: what `skytf verify` does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skytf.credentials import open_endpoint
from skytf.errors import InputError
from skytf.model.job import Job
from skytf.sources import check_ends
from skytf.survey import entries
from skytf.verification import compare_contents


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `Client.verify` found for one destination; the tuples hold at most 20 URLs each."""

    destination: str
    objects: int
    bytes: int
    missing: tuple[str, ...]
    different: tuple[str, ...]
    missing_count: int
    different_count: int


def compare(jobs: Iterable[Job]) -> list[Comparison]:
    """
    Read every object of both ends of *jobs*; return a comparison per destination.

    Raises:
        InputError, StoreError: An end cannot be read, or there is nothing to compare.
    """
    compared = []
    for job in jobs:
        check_ends(job)
        source = open_endpoint(job.source)
        for destination in job.destinations:
            store = open_endpoint(destination)
            found = compare_contents(entries(job, source), source, destination, store, recursive=job.recursive)
            if not found.objects + found.missing_count + found.different_count:
                raise InputError(
                    f"there is nothing to compare below {job.source.url}", hint="look at how the source is spelled"
                )
            compared.append(
                Comparison(
                    destination=destination.url,
                    objects=found.objects,
                    bytes=found.bytes,
                    missing=tuple(store.url(key) for key in found.missing),
                    different=tuple(store.url(key) for key in found.different),
                    missing_count=found.missing_count,
                    different_count=found.different_count,
                )
            )
    return compared
