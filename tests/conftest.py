"""Fixtures that more than one area uses: S3 servers, and an environment without anybody's cloud keys."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import S3Server, moto_server, versitygw_binary, versitygw_server

_OF_CLOUDS = ("ARM_", "AWS_", "AZURE_", "BLUEMIX_", "CLOUDSDK_", "GCLOUD_", "GOOGLE_", "IBMCLOUD_", "IC_")
_FILES_OF_CLOUDS = (
    *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"),
    *("AZURE_CONFIG_DIR", "CLOUDSDK_CONFIG", "IBM_CREDENTIALS_FILE"),
)


# A shell ignores SIGINT for what it runs in the background, and children inherit that: Ctrl-C could not be tried.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_cloud_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the keys, profiles and metadata service that this machine may have: no test may reach a real account."""
    nowhere = tmp_path_factory.mktemp("no-cloud") / "none"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_OF_CLOUDS)]:
            patch.delenv(name)
        for name in _FILES_OF_CLOUDS:
            patch.setenv(name, str(nowhere))
        for name in ("AWS_EC2_METADATA_DISABLED", "NO_GCE_CHECK"):
            patch.setenv(name, "true")
        patch.setenv("XDG_CONFIG_HOME", str(nowhere.with_name("config")))  # and no catalog of the user's own
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A moto server for the whole run of this worker: use a bucket of your own."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def other_s3_server() -> Iterator[S3Server]:
    """A second moto server, which knows nothing of the first."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def aws_server() -> Iterator[S3Server]:
    """A moto server for all of AWS, that nobody's buckets are on: each test empties it."""
    with moto_server(MOTO_EC2_LOAD_DEFAULT_AMIS="false") as server:  # a hundred images in each region take seconds
        yield server


@pytest.fixture(scope="session")
def strict_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A versitygw, which checks what moto accepts; only for tests that are marked slow."""
    binary = versitygw_binary()
    if binary is None:
        pytest.skip("Go not found: versitygw tests skipped")
    with versitygw_server(binary, tmp_path_factory.mktemp("versitygw"), _free_port()) as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of a new, empty bucket on `s3_server`."""
    return s3_server.make_bucket(f"bucket-{abs(hash(str(tmp_path))):x}")


@pytest.fixture
def closed_port() -> int:
    """A port on which nothing listens."""
    return _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured: the property ``measured``, one line each."""
    lines = {
        str(value)
        for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ()))
        for name, value in report.user_properties
        if name == "measured"
    }
    if lines:
        terminalreporter.section("measured")
        for line in sorted(lines):
            terminalreporter.write_line(line)
