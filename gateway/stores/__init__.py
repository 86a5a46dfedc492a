"""The table of stores: scheme → adapter, imported on use."""

from __future__ import annotations

from gateway.errors import BadUrl
from gateway.registry import load
from gateway.stores.base import Credentials, Store, StoreSpec
from gateway.stores.counting import Count, CountingStore

STORES: dict[str, str] = {
    "file": "gateway.stores.local:LocalStore",
    "memory": "gateway.stores.memory:MemoryStore",
    "s3": "gateway.stores.s3:S3Store",
}


def open_store(
    spec: StoreSpec,
    credentials: Credentials | None = None,
    *,
    max_attempts: int = 5,
    patience_s: float = 0.0,
    count: Count | None = None,
    durable: bool = False,
) -> Store:
    """
    Return the store that *spec* names; each call is tried *max_attempts* times, and for *patience_s* where the store is
    unavailable, as `gateway.stores.retry` does.

    *count* is told of every request of every attempt, as `gateway.stores.counting` does. *durable* is for paths: what
    is written is on the disk when it is confirmed, as it is in every other store.

    Raises:
        BadUrl: No adapter knows the scheme.
    """
    reference = STORES.get(spec.scheme)
    if reference is None:
        raise BadUrl(f"no store moves bytes for {spec.scheme}:// yet", hint=f"known: {', '.join(sorted(STORES))}")
    retrying: type[Store] = load("gateway.stores.retry:RetryingStore")
    store: Store = load(reference)(spec, credentials, **({"durable": True} if durable else {}))
    if count is not None:
        store = CountingStore(store, count)
    return retrying(store, max_attempts=max_attempts, patience_s=patience_s)  # type: ignore[call-arg]  # the table is made of strings
