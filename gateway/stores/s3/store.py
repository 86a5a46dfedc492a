"""S3, and any store that speaks like it, on boto3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime
from functools import reduce
from typing import Any

import boto3
from awscrt import checksums
from botocore.config import Config

from gateway.errors import BadUrl, BucketMissing, IntegrityError, ObjectExists, ObjectMissing, SourceChanged
from gateway.stores.base import Attributes, Credentials, Head, Listed, Part, RangeReader, Skipped, StoreSpec
from gateway.stores.s3.attributes import decode_crc, encode_crc, to_head, to_headers
from gateway.stores.s3.errors import translated
from gateway.stores.s3.streams import BodyRange, body_of

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60
_DIGEST = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}


class S3Store:
    """
    One bucket.

    Tokens are upload ids. The modification time is kept in the user metadata as rclone keeps it; metadata that is not
    ASCII is encoded as RFC 2047 says. Every upload carries its CRC-64/NVME, which a store that knows it checks and
    keeps.
    """

    page_keys = 1000
    at_hand = False

    def __init__(self, spec: StoreSpec, credentials: Credentials | None = None) -> None:
        self.spec = spec
        self._endpoint = spec.endpoint_url or "the S3 endpoint of the region"
        self._client = _client(spec, credentials)

    def url(self, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.spec.bucket}/{key}"

    def list(
        self,
        prefix: str,
        *,
        start_after: str = "",
        on_skip: Callable[[Skipped], None] | None = None,  # nothing is skipped
    ) -> Iterator[Listed]:
        """Yield the objects page by page; ``mtime_s`` is when S3 took them, because a listing shows no metadata."""
        position = {"StartAfter": start_after} if start_after else {}
        while True:
            with self._translated("cannot list", prefix):
                page = self._client.list_objects_v2(
                    Bucket=self.spec.bucket, Prefix=prefix, MaxKeys=self.page_keys, **position
                )
            for found in page.get("Contents", ()):
                yield Listed(found["Key"], found["Size"], found["ETag"], found["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            position = {"ContinuationToken": page["NextContinuationToken"]}

    def head(self, key: str) -> Head:
        """Return the object with its attributes and digest; S3 does not say whether object or bucket is missing."""
        with self._translated("cannot read", key):
            return to_head(key, self._client.head_object(**self._at(key), ChecksumMode="ENABLED"))

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open the range of the object whose ETag is *version*; of an empty range only the version is checked."""
        match = {"IfMatch": version} if version else {}
        with self._translated("cannot read", key, conflict=SourceChanged):
            if not size_bytes:
                self._client.head_object(**self._at(key), **match)
                return BodyRange(None, size_bytes=0, url=self.url(key), endpoint=self._endpoint)
            last = offset + size_bytes - 1
            answer = self._client.get_object(**self._at(key), **match, Range=f"bytes={offset}-{last}")
        opened = BodyRange(answer["Body"], size_bytes=size_bytes, url=self.url(key), endpoint=self._endpoint)
        if not str(answer.get("ContentRange", "")).startswith(f"bytes {offset}-{last}/"):
            answer["Body"].close()
            raise SourceChanged(f"{self.url(key)} has no bytes {offset} to {last}: got {answer.get('ContentRange')}")
        return opened

    def put(self, key: str, payload: memoryview, attributes: Attributes, *, if_absent: bool = False) -> Head:
        """Write the object in one request."""
        digest = checksums.crc64nvme(payload)
        with self._translated("cannot write", key):
            answer = self._client.put_object(
                **self._at(key),
                **to_headers(attributes),
                **_if_absent(if_absent),
                Body=body_of(payload),
                ChecksumAlgorithm="CRC64NVME",
                ChecksumCRC64NVME=encode_crc(digest),
            )
        return Head(key, len(payload), answer["ETag"], attributes, _answered_s(answer), decode_crc(answer))

    def create_multipart(self, key: str, attributes: Attributes, *, size_bytes: int, transfer_id: str) -> str:
        """Begin a multipart upload and return its id."""
        with self._translated("cannot write", key):
            answer = self._client.create_multipart_upload(**self._at(key), **to_headers(attributes), **_DIGEST)
        return str(answer["UploadId"])

    def put_part(self, key: str, token: str, *, number: int, offset: int, payload: memoryview) -> str:
        """Upload one part."""
        with self._translated(f"cannot write part {number} of", key):
            answer = self._client.upload_part(
                **self._at(key),
                UploadId=token,
                PartNumber=number,
                Body=body_of(payload),
                ChecksumAlgorithm="CRC64NVME",
                ChecksumCRC64NVME=encode_crc(checksums.crc64nvme(payload)),
            )
        return str(answer["ETag"])

    def stream_part(self, key: str, token: str, *, number: int, offset: int) -> None:
        """Return None: a part is taken as a whole."""

    def complete_multipart(
        self,
        key: str,
        token: str,
        parts: Sequence[Part],
        attributes: Attributes,
        *,
        if_absent: bool = False,
    ) -> Head:
        """Complete with exactly *parts* and the digest they combine to; the attributes were given at the beginning."""
        listed = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC64NVME": encode_crc(part.crc64nvme)}
            for part in parts
        ]
        try:
            with self._translated("cannot complete", key):
                self._client.complete_multipart_upload(
                    **self._at(key),
                    **_if_absent(if_absent),
                    UploadId=token,
                    MultipartUpload={"Parts": listed},
                    ChecksumType="FULL_OBJECT",
                    ChecksumCRC64NVME=encode_crc(_combined(parts)),
                )
        except ObjectExists:
            self.abort_multipart(key, token)
            raise
        head = self.head(key)
        expected = sum(part.size_bytes for part in parts)
        if head.size_bytes != expected:
            raise IntegrityError(f"{self.url(key)} has {head.size_bytes} bytes, its parts have {expected}")
        return head

    def abort_multipart(self, key: str, token: str) -> None:
        """Abort the upload, and with it the parts that are still on their way."""
        try:
            with self._translated("cannot abort the upload of", key):
                self._client.abort_multipart_upload(**self._at(key), UploadId=token)
        except ObjectMissing:
            return

    def delete(self, key: str) -> None:
        """Delete the object; in a versioned bucket a delete marker hides it."""
        with self._translated("cannot delete", key):
            self._client.delete_object(**self._at(key))

    def check_readable(self, prefix: str) -> None:
        """List one key."""
        with self._translated("cannot list", prefix):
            self._client.list_objects_v2(Bucket=self.spec.bucket, Prefix=prefix, MaxKeys=1)

    def check_writable(self, prefix: str) -> None:
        """Ask for the bucket only: a probe object could set off whatever listens to the bucket's events."""
        try:
            with self._translated("cannot write to", prefix):
                self._client.head_bucket(Bucket=self.spec.bucket)
        except ObjectMissing as error:
            raise BucketMissing(f"s3://{self.spec.bucket} does not exist", hint="create the bucket first") from error

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.spec.bucket, "Key": key}

    def _translated(
        self, verb: str, key: str, *, conflict: type[ObjectExists | SourceChanged] = ObjectExists
    ) -> AbstractContextManager[None]:
        return translated(f"{verb} {self.url(key)}", self._endpoint, conflict=conflict)


def _client(spec: StoreSpec, credentials: Credentials | None) -> Any:
    given = {}
    if credentials is not None:
        given = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
            "aws_session_token": credentials.session_token or None,
        }
    options: dict[str, Any] = {}
    if spec.endpoint_url:
        options["addressing_style"] = "path"
    if not spec.endpoint_url.startswith("http://"):
        # TLS and our digest protect the body; hashing it once more for the signature would halve the rate
        options["payload_signing_enabled"] = False
    config = Config(
        s3=options,
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=32,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session(**given).client(
            "s3", endpoint_url=spec.endpoint_url or None, region_name=spec.region or "us-east-1", config=config
        )
    except ValueError as error:
        raise BadUrl(f"{spec.endpoint_url!r} is no endpoint address: {error}") from error


def _if_absent(if_absent: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if if_absent else {}


def _combined(parts: Sequence[Part]) -> int:
    return reduce(
        lambda digest, part: int(checksums.combine_crc64nvme(digest, part.crc64nvme, part.size_bytes)), parts, 0
    )


def _answered_s(answer: dict[str, Any]) -> float:
    """Return the store's own clock, which `Head.written_s` of the object will show."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date).timestamp() if date else time.time()
