"""What users write as locations, and when a destination lies in its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import BadUrl
from gateway.locations import Location, overlaps, parse_location, self_overwriting_suffix
from gateway.stores.base import StoreSpec

CWD = Path("/home/me")


def parse(text: str, endpoint_url: str = "") -> Location:
    return parse_location(text, endpoint_url=endpoint_url, cwd=CWD)


@pytest.mark.parametrize(
    ("text", "spec", "key"),
    [
        ("s3://bucket", StoreSpec("s3", "bucket"), ""),
        ("s3://bucket/", StoreSpec("s3", "bucket"), ""),
        ("S3://bucket/key", StoreSpec("s3", "bucket"), "key"),
        ("s3://bucket/a b/%20/é?x#y+z//w/", StoreSpec("s3", "bucket"), "a b/%20/é?x#y+z//w/"),
        ("gs://bucket/a", StoreSpec("gs", "bucket"), "a"),
        ("cos://bucket/a", StoreSpec("cos", "bucket"), "a"),
        ("azure://account/container/a/b", StoreSpec("azure", "account/container"), "a/b"),
        ("r2://account/bucket", StoreSpec("r2", "account/bucket"), ""),
        ("hdfs://host:8020/a/b", StoreSpec("hdfs", "host:8020"), "a/b"),
        ("https://account.r2.cloudflarestorage.com/bucket/a", StoreSpec("r2", "account/bucket"), "a"),
        ("https://account.blob.core.windows.net/box/a/b", StoreSpec("azure", "account/box"), "a/b"),
        ("https://account.dfs.core.windows.net/box/a", StoreSpec("azure", "account/box"), "a"),
        ("https://my.bucket.s3.us-west-2.amazonaws.com/a/b", StoreSpec("s3", "my.bucket", region="us-west-2"), "a/b"),
        ("https://bucket.s3.amazonaws.com/a", StoreSpec("s3", "bucket"), "a"),
        ("https://s3.eu-central-1.amazonaws.com/bucket/a", StoreSpec("s3", "bucket", region="eu-central-1"), "a"),
        ("https://s3-us-gov-west-1.amazonaws.com/bucket", StoreSpec("s3", "bucket", region="us-gov-west-1"), ""),
        ("https://s3.dualstack.sa-east-1.amazonaws.com/b/", StoreSpec("s3", "b", region="sa-east-1"), ""),
        ("https://storage.googleapis.com/bucket/a/b", StoreSpec("gs", "bucket"), "a/b"),
        ("https://Bucket.storage.googleapis.com/a", StoreSpec("gs", "Bucket"), "a"),
        ("https://storage.cloud.google.com/bucket/a", StoreSpec("gs", "bucket"), "a"),
        (
            "https://s3.us-south.cloud-object-storage.appdomain.cloud/bucket/a",
            StoreSpec("cos", "bucket", region="us-south"),
            "a",
        ),
        (
            "https://bucket.s3.direct.eu-de.cloud-object-storage.appdomain.cloud/a",
            StoreSpec("cos", "bucket", region="eu-de"),
            "a",
        ),
        ("file:///a/b c%20", StoreSpec("file"), "a/b c%20"),
        ("/a/b", StoreSpec("file"), "a/b"),
        ("//a//b/", StoreSpec("file"), "a/b/"),
        ("/", StoreSpec("file"), ""),
        ("a/b", StoreSpec("file"), "home/me/a/b"),
        ("./a/", StoreSpec("file"), "home/me/a/"),
        (".", StoreSpec("file"), "home/me/"),
        ("..", StoreSpec("file"), "home/"),
        ("../you/x", StoreSpec("file"), "home/you/x"),
        ("./odd://name", StoreSpec("file"), "home/me/odd:/name"),
        ("s3:/bucket", StoreSpec("file"), "home/me/s3:/bucket"),
    ],
)
def test_a_location_is_understood(text: str, spec: StoreSpec, key: str) -> None:
    assert parse(text) == (spec, key)


def test_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root/of/me")

    assert parse("~/x/") == (StoreSpec("file"), "root/of/me/x/")
    assert parse("~") == (StoreSpec("file"), "root/of/me")


def test_the_endpoint_goes_with_s3_alone() -> None:
    assert parse("s3://bucket/a", "http://127.0.0.1:9000/")[0].endpoint_url == "http://127.0.0.1:9000"
    assert parse("/a", "http://127.0.0.1:9000")[0].endpoint_url == ""


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("s3a://bucket/key", "did you mean s3://bucket/key"),
        ("S3N://bucket/key", "did you mean s3://bucket/key"),
        ("az://account/box/key", "did you mean azure://account/box/key"),
        ("gcs://bucket", "did you mean gs://bucket"),
        ("hfds://host/a", "did you mean hdfs://host/a"),
        ("foo://bucket/key", "known are"),
        ("s3://", "s3://bucket/key"),
        ("s3:///key", "s3://bucket/key"),
        ("s3://buck et/key", "s3://bucket/key"),
        ("azure://account", "azure://account/container/key"),
        ("azure://account//key", "azure://account/container/key"),
        ("https://account.r2.cloudflarestorage.com", "r2://account/container/key"),
        ("https://example.org/bucket", "--endpoint-url"),
        ("https://bucket.s3.us-west-2.amazonaws.com.example.org/a", "--endpoint-url"),
        ("https://s3.amazonaws.com/", "s3://bucket/key"),
        ("gs://a:b/key", "gs://bucket/key"),
        ("file://host/a", "file:///host/a"),
        ("", "s3://bucket/key"),
        ("a\0b", "s3://bucket/key"),
    ],
)
def test_what_is_no_location_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse(text)

    assert hint in caught.value.hint
    assert repr(text)[1:-1] in str(caught.value)


@pytest.mark.parametrize(
    "endpoint_url",
    [
        "127.0.0.1:9000",
        "ftp://127.0.0.1",
        "http://",
        "http://h:port",
        "http://u:pass@h",
        "http://h/?X-Amz-Signature=pass",
        "http://h#pass",
    ],
)
def test_an_endpoint_that_is_none_is_refused_and_passwords_are_not_repeated(endpoint_url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse("s3://bucket", endpoint_url)

    assert caught.value.hint
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("source", "destination", "recursive", "expected"),
    [
        ("/a", "/a", True, True),
        ("/a", "/a/", True, True),
        ("/a", "/a/b", True, True),
        ("/a", "/ab", True, False),
        ("/a/b", "/a", True, False),
        ("/a", "/b/../a/c", True, True),
        ("/", "/b", True, True),
        ("s3://b/x", "s3://b/x/y", True, True),
        ("s3://b", "s3://b/y", True, True),
        ("s3://b/x", "s3://b/xy", True, False),
        ("s3://b/x", "s3://c/x", True, False),
        ("s3://b/x", "/b/x", True, False),
        ("/foo/a.txt", "/foo/a.txt", False, True),
        ("/foo/a.txt", "/foo/", False, True),
        ("/foo/a.txt", "/foo/b.txt", False, False),
        ("/foo/a.txt", "/bar/", False, False),
        ("s3://b/foo/a", "s3://b/foo/", False, True),
        ("s3://b/a", "s3://b", False, True),
        ("s3://b/foo/a", "s3://b", False, False),
        ("s3://b/foo", "s3://b/foo/a", False, False),
    ],
)
def test_a_destination_in_its_source_is_seen(source: str, destination: str, recursive: bool, expected: bool) -> None:
    assert overlaps(parse(source), parse(destination), recursive=recursive) is expected


def test_the_same_bucket_name_at_two_endpoints_is_two_places() -> None:
    one, other = (parse("s3://b/x", f"http://127.0.0.1:{port}") for port in (9000, 9001))

    assert not overlaps(one, other, recursive=True)
    assert overlaps(one, parse("s3://b/x", "http://LOCALHOST:9000/"), recursive=True)


def test_symbolic_links_are_seen_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    source, destination = parse(f"{tmp_path}/real"), parse(f"{tmp_path}/link/new/x")

    assert not overlaps(source, destination, recursive=True)
    assert overlaps(source, destination, recursive=True, resolve=lambda path: str(Path(path).resolve()))


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("/a/b", "/a", "b/"),
        ("/a/b/c", "/a", "b/c/"),
        ("/a/b", "/c", None),
        ("s3://b/x/y", "s3://b", "x/y/"),
        ("/a", "/a/b", ""),
    ],
)
def test_the_suffixes_that_would_land_in_the_source_are_known(
    source: str, destination: str, expected: str | None
) -> None:
    assert self_overwriting_suffix(parse(source), parse(destination), recursive=True) == expected


@pytest.mark.parametrize("query", ["X-Amz-Signature=abc", "a=b&Signature=abc", "sv=1&sig=abc", "X-Goog-Signature=abc"])
def test_a_signed_address_is_refused_without_repeating_it(query: str) -> None:
    with pytest.raises(BadUrl, match="holds a signature") as caught:
        parse(f"https://account.blob.core.windows.net/box/a?{query}")

    assert "abc" not in str(caught.value) + caught.value.hint
