"""Remove what a transfer that did not end in order left: gateways by their tag, half-written objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gateway.journal import Journal
from gateway.mapping import destination_key
from gateway.stores.local.files import is_hidden_name
from skytf.clouds import open_cloud
from skytf.clouds.base import NotSignedIn
from skytf.clouds.sheet import sheet
from skytf.credentials import open_endpoint
from skytf.errors import SkytfError
from skytf.home import TransferDir
from skytf.model.job import Endpoint, Job, Request
from skytf.verification import Listing

LISTING = "listing-{job}.gz"


def sweep(request: Request, directory: TransferDir) -> int:
    """
    Abort the uploads that the journal knows to be open, delete hidden temporary files; return how many.

    Only what carries this transfer's id or stands in its journal is touched.

    Raises:
        StoreError: A destination cannot be reached.
        InputError: No credentials for it any more.
    """
    state = Journal.read(directory.journal)
    removed = 0
    for job in request.jobs:
        for index, destination in enumerate(job.destinations):
            store = open_endpoint(destination)
            for upload in state.open_uploads:
                record = state.shards.get(upload.shard_id)
                if upload.destination == index and record is not None and record.partition == job.job_id:
                    store.abort_multipart(upload.key, upload.token)
                    removed += 1
            if destination.store.scheme == "file":
                removed += _remove_partials(job, destination, request.settings.threshold_bytes, directory)
    return removed


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of what carries a fleet's tag: ``left`` could not be removed, ``unchecked`` not be looked for."""

    left: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def remove_tagged(clouds: Iterable[str], home: Path, transfer_id: str) -> Removal:
    """Remove what still carries the tag of a transfer after Terraform's turn; both findings are words for people."""
    left, unchecked = [], []
    for name in sorted(clouds):
        cloud = open_cloud(name, home)
        if cloud is None:
            unchecked.append(
                f"{sheet(name).title} could not be searched for what is left of transfer {transfer_id}, there is no"
                f" adapter: look in its console for the tag skytf-transfer-id={transfer_id}"
            )
            continue
        try:
            cloud.delete(transfer_id)
        except NotSignedIn as error:
            unchecked.append(
                f"{sheet(name).title} could not be searched for what is left of transfer {transfer_id}: {error}"
                f" (next: {error.hint or 'sign in'}, then skytf reap)"
            )
        except SkytfError as error:
            left.append(f"{error}{f' ({error.hint})' if error.hint else ''}")
    return Removal(tuple(left), tuple(unchecked))


def _remove_partials(job: Job, destination: Endpoint, threshold_bytes: int, directory: TransferDir) -> int:
    """Look only where an object of this transfer was under way: a destination may hold millions of others."""
    removed = 0
    for folder in sorted(set(_folders(job, destination, threshold_bytes, directory))):
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            ours = f".skytf-{directory.transfer_id}." in path.name
            if ours and is_hidden_name(os.fsencode(path.name)):
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _folders(job: Job, destination: Endpoint, threshold_bytes: int, directory: TransferDir) -> Iterator[Path]:
    """
    Yield where objects of several chunks go; only these are made under a hidden name.

    What is settled counts too: a gateway that was lost may have opened an object that another one completed.
    """
    path = directory.root / LISTING.format(job=job.job_id)
    if not path.exists():
        return
    for _, suffix, size_bytes in Listing.read(path):
        if size_bytes > threshold_bytes:
            target = destination_key(destination.prefix, suffix, recursive=job.recursive)
            yield Path("/", PurePosixPath(target).parent)
