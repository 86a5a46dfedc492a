from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.stores.base import StoreSpec
from skytf.clouds.sheet import sheet
from skytf.errors import InputError
from skytf.locate import offline, online
from skytf.model.region import Region
from skytf.regions import End
from tests.servers import S3Server, moto_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with moto_server() as running:
        yield running


@pytest.fixture(autouse=True)
def cloud_with_s3(toy_cloud: Path) -> None:
    """S3 belongs to the toy cloud, so that the test needs no module of a real one."""
    text = (toy_cloud / "cloud.toml").read_text()
    (toy_cloud / "cloud.toml").write_text(text.replace('stores = ["cos"]', 'stores = ["s3", "cos"]'))
    sheet.cache_clear()


def end(bucket: str, *, scheme: str = "s3", source: bool = True) -> End:
    return End(f"{scheme}://{bucket}", StoreSpec(scheme, bucket), "", "", "", source)


@pytest.fixture
def at_server(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, text in {**server.environment, "AWS_ENDPOINT_URL_S3": server.endpoint_url}.items():
        monkeypatch.setenv(name, text)
    return server


def test_a_bucket_says_where_it_is(at_server: S3Server) -> None:
    at_server.client().create_bucket(
        Bucket="in-europe", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )

    assert online(end("in-europe")) == Region("toy", "eu-central-1")


def test_a_bucket_that_is_not_there_is_an_error_of_the_user(at_server: S3Server) -> None:
    with pytest.raises(InputError, match="there is no bucket s3://missing"):
        online(end("missing"))


def test_who_cannot_ask_is_told_to_name_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")

    with pytest.raises(InputError, match="there-is-no-such-profile") as caught:
        online(end("bucket", source=False))
    assert caught.value.hint == "look at the profile's name, or name its region: --dst-region toy:REGION"


def test_a_store_without_an_adapter_is_not_looked_up() -> None:
    with pytest.raises(InputError, match="cannot look up where cos://bucket is") as caught:
        online(end("bucket", scheme="cos"))

    assert "--src-region toy:REGION" in caught.value.hint


def test_offline_nothing_is_looked_up() -> None:
    with pytest.raises(InputError, match="offline nothing says where s3://bucket is") as caught:
        offline(end("bucket"))

    assert "--src-region toy:REGION" in caught.value.hint
