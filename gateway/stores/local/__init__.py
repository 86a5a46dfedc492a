"""Files of this machine as a store: `store` is the adapter, `walk` lists, `files` writes and translates errors."""

from gateway.stores.local.store import LocalStore

__all__ = ["LocalStore"]
