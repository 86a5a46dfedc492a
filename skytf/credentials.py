"""Whose keys open a store: the standard chain of the operator's machine, one profile per endpoint."""

from __future__ import annotations

from collections.abc import Callable

from gateway.stores import open_store
from gateway.stores.base import Credentials, Store
from gateway.stores.counting import Count
from skytf.errors import InputError
from skytf.model.job import Endpoint, Job


def _s3(endpoint: Endpoint) -> Credentials:
    # boto3 takes a third of a second to import: only who has an S3 endpoint pays for it.
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        found = boto3.Session(profile_name=endpoint.profile or None).get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    except BotoCoreError as error:
        raise InputError(
            f"no credentials for {endpoint.url}: {error}", hint="look at the profile's name, or log in again"
        ) from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        raise InputError(
            f"no credentials for {endpoint.url}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile (--src-profile, --dst-profile)",
        )
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")


FINDERS: dict[str, Callable[[Endpoint], Credentials]] = {"s3": _s3}


def find(endpoint: Endpoint) -> Credentials | None:
    """
    Return the operator's keys for *endpoint*, None where its store needs none.

    Raises:
        InputError: There are none; the message names the endpoint as the user wrote it.
    """
    finder = FINDERS.get(endpoint.store.scheme)
    return None if finder is None else finder(endpoint)


def open_endpoint(endpoint: Endpoint, *, max_attempts: int = 5, count: Count | None = None) -> Store:
    """
    Return the store of *endpoint*, opened with the operator's keys; each call is tried *max_attempts* times.

    *count* is told of every request.

    Raises:
        InputError: No keys for it.
        BadUrl: No adapter for its scheme.
    """
    return open_store(endpoint.store, find(endpoint), max_attempts=max_attempts, count=count)


def of_job(job: Job) -> dict[str, Credentials]:
    """Return the keys that travel to the gateways of *job*, by the name that its programs use."""
    ends = [end for end in (job.source, *job.destinations) if end.access == "keys"]
    return {end.store.credentials: keys for end in ends if (keys := find(end)) is not None}
