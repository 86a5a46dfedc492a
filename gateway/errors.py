"""
Every error of the data plane.

::

    GatewayError                  message, hint; `retryable` says whether the same call may succeed later
    ├─ UsageError                 what the user gave cannot be right: URL, size, program
    │  ├─ BadUrl
    │  └─ BadProgram
    ├─ StoreError                 carries the location as the user wrote it
    │  ├─ ObjectMissing           no such object (source), no such upload (sink: it is no longer open)
    │  ├─ BucketMissing           no such bucket, or a path that does not exist
    │  ├─ ObjectExists            if-exists says fail, or another writer was first
    │  ├─ SourceChanged           the object is no longer the version that was listed
    │  ├─ AccessDenied            credentials are missing, wrong or not enough
    │  ├─ StoreFull               disk full, quota exceeded
    │  └─ StoreUnavailable        nothing listens, time-out, 5xx, slow down: retryable
    ├─ IntegrityError             a digest or a seal does not match: retryable from the source
    ├─ WireError
    │  ├─ LocalWireError          we broke the rules of the wire
    │  └─ RemoteWireError         the peer did: it loses its connection
    ├─ PeerLost                   no connection to a peer for longer than it is given
    └─ Stopped                    the pipeline was told to stop
"""

from __future__ import annotations


class GatewayError(Exception):
    """What failed, on which object, and in *hint* what to do next."""

    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(GatewayError):
    """What the user gave cannot be right."""


class BadUrl(UsageError):
    """A location that no store understands."""


class BadProgram(UsageError):
    """A gateway program that does not hold together."""


class StoreError(GatewayError):
    """A store refused or failed; the message names the location."""


class ObjectMissing(StoreError):
    """There is no such object, or the upload is no longer open."""


class BucketMissing(StoreError):
    """There is no such bucket or path."""


class ObjectExists(StoreError):
    """The destination has the object already, and may not be overwritten."""


class SourceChanged(StoreError):
    """The source object is not the version that was listed."""


class AccessDenied(StoreError):
    """Credentials are missing, wrong or not enough."""


class StoreFull(StoreError):
    """The disk is full or the quota is used up."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or asks us to slow down."""

    retryable = True


class IntegrityError(GatewayError):
    """A digest or a seal does not match what was read at the source."""

    retryable = True


class WireError(GatewayError):
    """Somebody broke the rules of the wire."""


class LocalWireError(WireError):
    """We broke the rules of the wire."""


class RemoteWireError(WireError):
    """The peer broke the rules of the wire; its connection is closed."""


class PeerLost(GatewayError):
    """A peer has had no connection for longer than it is given."""

    retryable = True


class Stopped(GatewayError):
    """The pipeline was told to stop."""
