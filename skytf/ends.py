"""What a transfer asks of its ends from the operator's machine: what is there to move, and what has arrived."""

# ruff: noqa: ARG002 -- signatures are those of the contract
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from gateway.shard import Entry
from gateway.stores.base import Credentials, Skipped, Store
from skytf.bundle import Bundle
from skytf.credentials import of_job, open_endpoint
from skytf.generated import is_rehearsal, made_up
from skytf.home import TransferDir
from skytf.listing import pinned
from skytf.model.job import Endpoint, Job
from skytf.survey import entries
from skytf.sweep import sweep
from skytf.tally import Inquiries
from skytf.verification import Found, compare_sizes


class Ends(Protocol):
    """The sources and destinations of all jobs of one bundle."""

    def credentials(self) -> dict[str, Credentials]:
        """
        Return the keys that travel to the gateways, by the name that programs use.

        Raises:
            InputError: There are none for an end that needs some.
        """

    def entries(self, job: Job, on_skip: Callable[[Skipped], None]) -> Iterator[Entry]:
        """
        Yield what *job* moves, in the order of the keys' UTF-8 bytes; *on_skip* hears of names that are no objects.

        Raises:
            StoreError: The source cannot be listed.
        """

    def found(self, job: Job, destination: int, listed: Iterable[tuple[str, str, int]]) -> Found:
        """
        Return how one destination of *job* agrees with what was *listed*: rows of key, suffix and size in bytes.

        Raises:
            StoreError: The destination cannot be listed.
        """

    def sweep(self, directory: TransferDir) -> None:
        """
        Remove what the transfer of *directory* has half-written.

        Raises:
            StoreError, InputError: A destination cannot be reached.
        """


def ends_of(bundle: Bundle, inquiries: Inquiries | None = None) -> Ends:
    """Return the ends of *bundle*, of a rehearsal no stores; *inquiries* count what is asked of them."""
    return Nothing(bundle) if is_rehearsal(bundle.manifest.request) else Stores(bundle, inquiries or Inquiries())


class Stores:
    """The stores that the request names, opened with the operator's keys."""

    def __init__(self, bundle: Bundle, inquiries: Inquiries) -> None:
        self._bundle = bundle
        self._request = bundle.manifest.request
        self._inquiries = inquiries

    def credentials(self) -> dict[str, Credentials]:
        """Return the keys of all jobs."""
        return {name: keys for job in self._request.jobs for name, keys in of_job(job).items()}

    def entries(self, job: Job, on_skip: Callable[[Skipped], None]) -> Iterator[Entry]:
        """List the source, or take the listing that is pinned."""
        listing = self._bundle.listings.get(job.job_id)
        if listing is not None:
            return pinned(listing, on_skip=on_skip)
        return entries(job, self._open(job.source, f"{job.job_id}-source"), on_skip=on_skip)

    def found(self, job: Job, destination: int, listed: Iterable[tuple[str, str, int]]) -> Found:
        """Compare with the destination's own listing, by key and size."""
        end = job.destinations[destination]
        store = self._open(end, f"{job.job_id}-destination-{destination}")
        return compare_sizes(listed, end, store, recursive=job.recursive)

    def sweep(self, directory: TransferDir) -> None:
        """Abort open uploads, delete hidden temporary files."""
        sweep(self._request, directory)

    def _open(self, end: Endpoint, name: str) -> Store:
        return open_endpoint(end, count=self._inquiries.of(name))


class Nothing:
    """Ends that are made up and forgotten: nobody is asked for anything."""

    def __init__(self, bundle: Bundle) -> None:
        self._surveys = {one.job_id: one for one in bundle.manifest.survey}

    def credentials(self) -> dict[str, Credentials]:
        """Return none."""
        return {}

    def entries(self, job: Job, on_skip: Callable[[Skipped], None]) -> Iterator[Entry]:
        """Make up what was surveyed."""
        return made_up(job, self._surveys[job.job_id])

    def found(self, job: Job, destination: int, listed: Iterable[tuple[str, str, int]]) -> Found:
        """Return that nothing is there, and that nothing is missing either."""
        return Found()

    def sweep(self, directory: TransferDir) -> None:
        """Do nothing: nothing was written."""
