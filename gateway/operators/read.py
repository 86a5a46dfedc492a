"""``read_object_store`` and ``read_local``: read the shards of a partition from its store."""

from __future__ import annotations

from gateway.operators.base import SourceOperator


class Read(SourceOperator):
    """Params: ``store`` (the fields of a `StoreSpec`); ``prefix`` and ``recursive`` are for whoever reviews."""

    params = frozenset({"store", "prefix", "recursive"})
