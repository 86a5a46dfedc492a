"""AWS's adapter, against an EC2- and IAM-compatible server process."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.clouds.aws import AwsCloud
from skytf.clouds.aws_account import Account
from skytf.clouds.base import Cloud
from tests.servers import S3Server, moto_server
from tests.skytf.clouds.aws_world import REGIONS, AwsWorld
from tests.skytf.clouds.conformance import RemoteConformance


@pytest.fixture(scope="session")
def aws_server() -> Iterator[S3Server]:
    """A moto server that nobody else's buckets are on: each test empties it."""
    with moto_server(MOTO_EC2_LOAD_DEFAULT_AMIS="false") as server:  # a hundred images in each region take seconds
        yield server


@pytest.fixture
def world(aws_server: S3Server, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsWorld]:
    request = urllib.request.Request(f"{aws_server.endpoint_url}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
    monkeypatch.setattr("skytf.clouds.aws_removal._FIRST_PAUSE_S", 0.01)
    with contextlib.ExitStack() as closing:
        world = AwsWorld(aws_server.endpoint_url, closed_port, monkeypatch, closing)
        world.sign_in()
        yield world


@pytest.fixture
def cloud(world: AwsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The adapter, in an account where few regions are enabled: asking all takes a second."""
    enabled = Account.regions
    monkeypatch.setattr(Account, "regions", lambda self: tuple(one for one in enabled(self) if one in REGIONS))
    return AwsCloud(tmp_path)


class TestAws(RemoteConformance):
    """What every cloud must do."""
