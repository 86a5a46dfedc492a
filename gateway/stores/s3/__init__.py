"""S3 and what speaks like it: `store` is the adapter, `errors` and `attributes` translate, `streams` carries bytes."""

from gateway.stores.s3.store import S3Store

__all__ = ["S3Store"]
