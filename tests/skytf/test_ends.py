"""What this machine asks of the stores of a transfer, and that it is counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.stores.base import StoreSpec
from skytf.ends import ends_of
from skytf.model.job import Endpoint
from skytf.tally import Inquiries
from tests.counting import CountingServer, counting_server
from tests.servers import S3Server
from tests.skytf import requests as made
from tests.skytf.measured.bundles import bundle_of


@pytest.fixture
def counting(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingServer]:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with counting_server(s3_server) as server:
        yield server


def test_listing_and_verification_are_counted_by_end(counting: CountingServer, bucket: str) -> None:
    other = counting.server.make_bucket(f"{bucket}-2")
    for number in range(3):
        counting.server.client().put_object(Bucket=bucket, Key=f"in/{number}", Body=b"x")
    source, destination = (
        Endpoint(f"s3://{name}/in", StoreSpec("s3", name, counting.server.endpoint_url), "in", region)
        for name, region in ((bucket, made.A), (other, made.B))
    )
    job = made.job(source=source, destinations=(destination,))
    inquiries = Inquiries()
    ends = ends_of(bundle_of(made.request(job)), inquiries)
    counting.forget()

    listed = list(ends.entries(job, lambda _: None))
    found = ends.found(job, 0, [(one.key, one.suffix, one.size_bytes) for one in listed])

    assert found.missing_count == 3
    assert inquiries.read() == {"job-0-source": {"list": 1}, "job-0-destination-0": {"list": 1}}
    assert (counting.of(bucket), counting.of(other)) == ({"list": 1}, {"list": 1})
