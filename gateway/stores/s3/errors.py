"""What botocore's exceptions mean to a caller: the only place that reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from botocore import exceptions as botocore
from urllib3.exceptions import HTTPError

from gateway.errors import (
    AccessDenied,
    BucketMissing,
    GatewayError,
    IntegrityError,
    ObjectExists,
    ObjectMissing,
    SourceChanged,
    StoreError,
    StoreFull,
    StoreUnavailable,
)

_CREDENTIALS_HINT = "check the credentials profile and what it may do with this bucket"
_BUCKET_HINT = "check the name, and the endpoint URL if the store is not the cloud's own"
_DENIED = [
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidObjectState",
    "InvalidToken",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnauthorizedAccess",
]
_BROKEN = [
    "BadDigest",
    "InvalidDigest",
    "InvalidPart",
    "InvalidPartOrder",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
]
_BUSY = [
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
]
_FULL = ["InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"]

_BY_CODE: dict[str, tuple[type[GatewayError], str]] = {
    **dict.fromkeys(_DENIED, (AccessDenied, _CREDENTIALS_HINT)),
    **dict.fromkeys(_BROKEN, (IntegrityError, "the object is read again from its source")),
    **dict.fromkeys(_BUSY, (StoreUnavailable, "")),
    **dict.fromkeys(_FULL, (StoreFull, "make room, then resume")),
    "NoSuchBucket": (BucketMissing, _BUCKET_HINT),
    "InvalidBucketName": (BucketMissing, _BUCKET_HINT),
    "NoSuchKey": (ObjectMissing, ""),
    "NoSuchUpload": (ObjectMissing, "the upload was completed or aborted meanwhile"),
    "PreconditionFailed": (ObjectExists, ""),
    "InvalidRange": (SourceChanged, "the object is shorter than it was listed"),
    "EntityTooSmall": (StoreError, "parts must have 5 MiB at least: choose a larger --chunk-size"),
    "MetadataTooLarge": (StoreError, "S3 takes at most 2 KiB of user metadata"),
    "KeyTooLongError": (StoreError, "S3 takes keys of at most 1,024 bytes"),
}
# Where the answer has no body (HEAD) or an unknown code, its HTTP status has to do.
_BY_STATUS: dict[int, tuple[type[GatewayError], str]] = {
    401: (AccessDenied, _CREDENTIALS_HINT),
    403: (AccessDenied, _CREDENTIALS_HINT),
    404: (ObjectMissing, ""),
    412: (ObjectExists, ""),
    416: (SourceChanged, "the object is shorter than it was listed"),
    429: (StoreUnavailable, ""),
    507: (StoreFull, "make room, then resume"),
}
_CREDENTIALS = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.ProfileNotFound,
    botocore.TokenRetrievalError,
    botocore.UnauthorizedSSOTokenError,
)
_NETWORK = (botocore.HTTPClientError, botocore.ConnectionError, botocore.IncompleteReadError, HTTPError)


@contextlib.contextmanager
def translated(what: str, endpoint: str, *, conflict: type[GatewayError] = ObjectExists) -> Iterator[None]:
    """
    Turn what botocore raises in the body into our error; *what* begins the message.

    *endpoint* is named where the store cannot be reached. *conflict* is what a failed precondition means:
    `ObjectExists` to a writer, `SourceChanged` to a reader.
    """
    try:
        yield
    except botocore.ClientError as error:
        kind, hint = _meaning(error)
        if kind is ObjectExists:
            kind = conflict
        detail = error.response.get("Error", {})
        message = detail.get("Message") or "no reason given"
        suffix = f" (at {endpoint})" if kind is StoreUnavailable else ""
        raise kind(f"{what}: {message} [{detail.get('Code', '?')}]{suffix}", hint=hint) from error
    except _CREDENTIALS as error:
        raise AccessDenied(f"{what}: {error}", hint=_CREDENTIALS_HINT) from error
    except _NETWORK as error:
        raise StoreUnavailable(
            f"{what}: {endpoint} cannot be reached or broke off: {_cause(error)}",
            hint="check the endpoint URL and the network",
        ) from error
    except botocore.BotoCoreError as error:
        raise StoreError(f"{what}: {error}") from error


def _cause(error: BaseException) -> str:
    """Return what the system said, where an `OSError` is behind *error*: botocore says it with every layer's words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _meaning(error: botocore.ClientError) -> tuple[type[GatewayError], str]:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return (StoreUnavailable, "") if status >= 500 else (StoreError, "")
