"""S3Store against real servers: moto always, versitygw where Go is."""

from __future__ import annotations

import threading
import uuid

import pytest

from gateway.errors import AccessDenied, BadUrl, BucketMissing, ObjectMissing, StoreError, StoreUnavailable
from gateway.stores.base import Attributes, Credentials, Store, StoreSpec
from gateway.stores.s3 import S3Store
from gateway.stores.s3.attributes import _seconds
from tests.gateway.stores.conformance import ODD_NAMES, StoreConformance, begin, keys_below, put, put_part, read
from tests.servers import S3Server

FULL = Attributes(
    content_type="text/plain; charset=utf-8",
    content_encoding="gzip",
    cache_control="no-cache",
    content_disposition='attachment; filename="x.txt"',
    content_language="de",
    user_metadata={"owner": "Jörg 🚚", "plain": "a b", "looks": "=?UTF-8?B?eA==?=", "edges": " x ", "empty": ""},
    mtime_s=1_000_000_000.123456,
)


class S3Conformance(StoreConformance):
    """What every S3 server must do; subclasses name the server."""

    def test_metadata_and_headers_come_back(self, store: Store) -> None:
        put(store, "object", b"content", FULL)

        assert store.head("object").attributes == FULL

    def test_headers_that_are_not_ascii_come_back(self, store: Store) -> None:
        """Copied from store to store they must not be encoded once more at each step."""
        attributes = Attributes(content_type="text/plain", content_disposition='inline; filename="Jörg 🚚.txt"')
        put(store, "object", b"content", attributes)

        assert store.head("object").attributes.content_disposition == attributes.content_disposition

    def test_metadata_and_headers_of_several_parts_come_back(self, store: Store) -> None:
        token = store.create_multipart("object", FULL, size_bytes=1, transfer_id="t1")
        part = put_part(store, "object", token, 1, [b"x"])

        head = store.complete_multipart("object", token, [part], FULL)

        assert head.attributes == FULL

    def test_without_a_stored_time_the_time_of_writing_counts(self, store: Store) -> None:
        put(store, "object", b"content")

        head = store.head("object")

        assert head.attributes.mtime_s == head.written_s

    def test_a_missing_bucket_is_named_with_a_hint(self, store: Store, server: S3Server) -> None:
        nowhere = S3Store(server.spec("no-such-bucket"), server.credentials)

        for call in (
            lambda: keys_below(nowhere, ""),
            lambda: put(nowhere, "object", b""),
            lambda: nowhere.check_readable(""),
            lambda: nowhere.check_writable(""),
            lambda: begin(nowhere, "object", 1),
        ):
            with pytest.raises(BucketMissing, match="no-such-bucket") as caught:
                call()
            assert caught.value.hint

    def test_a_listing_of_many_pages_is_whole(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(S3Store, "page_keys", 2)
        keys = [f"{number:02}%20é+" for number in range(7)]
        for key in keys:
            put(store, key, b"")

        assert keys_below(store, "") == keys
        assert keys_below(store, "", start_after=keys[2]) == keys[3:]

    def test_many_threads_may_share_a_store(self, store: Store) -> None:
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                put(store, f"object-{number}", bytes([number]) * 1000)
                assert read(store, f"object-{number}") == bytes([number]) * 1000
            except BaseException as error:  # noqa: BLE001  # a thread's failure must fail the test
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []


class TestS3StoreOnMoto(S3Conformance):
    knows_lost_uploads = False  # moto answers 500 for them

    @pytest.fixture
    def server(self, s3_server: S3Server) -> S3Server:
        return s3_server

    @pytest.fixture
    def store(self, server: S3Server) -> Store:
        return S3Store(server.spec(server.make_bucket(f"moto-{uuid.uuid4().hex}")), server.credentials)

    def test_folder_markers_and_empty_components_are_keys_like_others(self, store: Store) -> None:
        for key in ("folder/", "a//b", "folder/x"):
            put(store, key, b"")

        assert keys_below(store, "") == ["a//b", "folder/", "folder/x"]


@pytest.mark.slow
class TestS3StoreOnVersitygw(S3Conformance):
    part_bytes = 5 << 20
    odd_names = ODD_NAMES

    @pytest.fixture
    def server(self, strict_s3_server: S3Server) -> S3Server:
        return strict_s3_server

    @pytest.fixture
    def store(self, server: S3Server) -> Store:
        return S3Store(server.spec(server.make_bucket(f"gw-{uuid.uuid4().hex}")), server.credentials)

    def test_wrong_keys_are_denied(self, server: S3Server, store: Store) -> None:
        for wrong in (Credentials("nobody", server.secret_key), Credentials(server.access_key, "wrong")):
            stranger = S3Store(store.spec, wrong)

            with pytest.raises(AccessDenied, match=store.spec.bucket) as caught:
                stranger.check_readable("")
            assert caught.value.hint
            assert "wrong" not in str(caught.value)


def test_an_endpoint_where_nothing_listens_is_unavailable_and_named(closed_port: int) -> None:
    endpoint_url = f"http://127.0.0.1:{closed_port}"
    store = S3Store(StoreSpec("s3", "bucket", endpoint_url=endpoint_url), Credentials("a", "b"))

    with pytest.raises(StoreUnavailable, match=endpoint_url) as caught:
        store.check_readable("")

    assert caught.value.retryable
    assert "s3://bucket/" in str(caught.value)


def test_without_any_keys_access_is_denied(s3_server: S3Server, bucket: str) -> None:
    with pytest.raises(AccessDenied, match=bucket):
        S3Store(s3_server.spec(bucket)).check_readable("")


def test_what_s3_cannot_store_is_a_clear_error(s3_server: S3Server, bucket: str) -> None:
    store = S3Store(s3_server.spec(bucket), s3_server.credentials)

    with pytest.raises(StoreError, match=f"s3://{bucket}/"):
        put(store, "", b"")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(BadUrl, match="nonsense"):
        S3Store(StoreSpec("s3", "bucket", endpoint_url="nonsense"), Credentials("a", "b"))


def test_a_missing_object_is_told_from_an_existing_one_by_head(s3_server: S3Server, bucket: str) -> None:
    store = S3Store(s3_server.spec(bucket), s3_server.credentials)

    with pytest.raises(ObjectMissing, match=f"s3://{bucket}/object"):
        store.head("object")


def test_secrets_do_not_show(s3_server: S3Server, bucket: str) -> None:
    credentials = Credentials("visible-id", "very-secret", "very-secret-token")

    assert "secret" not in repr(credentials)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1000000000.5", 1_000_000_000.5),
        ("-1", -1.0),
        ("9" * 13, None),
        ("9" * 400, None),
        ("nan", None),
        ("1e9", None),
    ],
)
def test_only_what_can_be_a_time_is_one(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds
