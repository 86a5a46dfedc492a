"""Attributes of an object as S3's headers, and back."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

from gateway.stores.base import Attributes, Head

# rclone's convention: decimal seconds since the epoch in the user metadata (rclone.org/s3/#modification-times).
MTIME_KEY = "mtime"

_HEADERS = {
    "content_type": "ContentType",
    "content_encoding": "ContentEncoding",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_language": "ContentLanguage",
}
_PRINTABLE = re.compile(r"(?!.*=\?)(?:[!-~](?:[ -~]*[!-~])?)?")
_ENCODED = re.compile(r"\s*(?:=\?[^?\s]+\?[BbQq]\?[^?]*\?=\s*)+")


def to_headers(attributes: Attributes) -> dict[str, Any]:
    """Return *attributes* as the arguments of put_object and create_multipart_upload."""
    headers: dict[str, Any] = {
        header: value for name, header in _HEADERS.items() if (value := getattr(attributes, name))
    }
    metadata = {name: encode_value(value) for name, value in attributes.user_metadata.items()}
    if attributes.mtime_s is not None:
        metadata[MTIME_KEY] = format(Decimal(repr(attributes.mtime_s)), "f")
    if metadata:
        headers["Metadata"] = metadata
    return headers


def to_head(key: str, response: Mapping[str, Any]) -> Head:
    """Return the answer of head_object as a `Head`."""
    written: datetime = response["LastModified"]
    metadata = {name: decode_value(value) for name, value in response.get("Metadata", {}).items()}
    mtime_s = _seconds(metadata.get(MTIME_KEY))
    if mtime_s is not None:
        del metadata[MTIME_KEY]
    attributes = Attributes(
        **{name: _text(response.get(header) or "") for name, header in _HEADERS.items()},
        user_metadata=metadata,
        mtime_s=written.timestamp() if mtime_s is None else mtime_s,
    )
    return Head(
        key=key,
        size_bytes=response["ContentLength"],
        version=response["ETag"],
        attributes=attributes,
        written_s=written.timestamp(),
        crc64nvme=decode_crc(response),
    )


def encode_crc(value: int) -> str:
    """Return a CRC-64/NVME as S3 writes it: base64 of 8 bytes, most significant first."""
    return base64.b64encode(value.to_bytes(8, "big")).decode()


def decode_crc(response: Mapping[str, Any]) -> int | None:
    """Return the digest of the whole object that *response* reports, None where it reports none."""
    text = response.get("ChecksumCRC64NVME")
    if not text or response.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    return int.from_bytes(base64.b64decode(text), "big")


def encode_value(value: str) -> str:
    """Return a metadata value as a header can carry it: RFC 2047 where it is not plain printable ASCII."""
    if _PRINTABLE.fullmatch(value):
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def decode_value(value: str) -> str:
    """Return the metadata value that *value* encodes; one that only looks encoded stays as it is."""
    if not _ENCODED.fullmatch(value):
        return _text(value)
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _text(header: str) -> str:
    # Python reads headers as Latin-1 and botocore writes them as UTF-8, as everybody else does.
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _seconds(text: str | None) -> float | None:
    # Twelve digits are 30,000 years: what claims more is no time, and no file could have it.
    return float(text) if text is not None and re.fullmatch(r"-?\d{1,12}(\.\d+)?", text) else None
