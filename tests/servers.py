"""Real S3 servers on loopback, each a process of its own that is stopped by its process id."""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from gateway.stores.base import Credentials, StoreSpec

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
_READY_S = 30.0
_RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server and the keys that open it."""

    endpoint_url: str
    pid: int
    access_key: str = "test-access-key"
    secret_key: str = "test-secret-key"

    @property
    def credentials(self) -> Credentials:
        """The keys as a store takes them."""
        return Credentials(self.access_key, self.secret_key)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a child process use the keys."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def spec(self, bucket: str) -> StoreSpec:
        """Return the specification of *bucket* on this server."""
        return StoreSpec("s3", bucket, endpoint_url=self.endpoint_url)

    def client(self) -> Any:
        """Return the boto3 client of this server, to look at what a store did."""
        return _client(self)

    def make_bucket(self, name: str) -> str:
        """Create the bucket *name* and return its name."""
        self.client().create_bucket(Bucket=name)
        return name


@functools.cache  # making one takes longer than most tests
def _client(server: S3Server) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@contextlib.contextmanager
def moto_server(**settings: str) -> Iterator[S3Server]:
    """
    Run a moto server, which keeps its objects in memory, accepts any keys, and takes parts of any size.

    *settings* are environment variables of moto (``MOTO_S3_DEFAULT_MAX_KEYS="3"``).
    """
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = {"S3_UPLOAD_PART_MIN_SIZE": "1", "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(16 << 20), **settings}
    with _process(command, environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next((match[1] for line in lines if (match := _RUNNING.search(line))), None)
        assert port is not None, f"moto ended with {process.wait()} before it listened"
        # what it logs must not fill the pipe
        drain = threading.Thread(target=process.stderr.read, name="moto-log")
        drain.start()
        try:
            yield S3Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            _stop(process)
            drain.join()


@contextlib.contextmanager
def versitygw_server(binary: Path, root: Path, port: int) -> Iterator[S3Server]:
    """Run versitygw, which checks signatures, digests and preconditions, with its files below *root*."""
    for name in ("iam", "versions", "data"):
        (root / name).mkdir(parents=True)
    keys = {"ROOT_ACCESS_KEY": S3Server("", 0).access_key, "ROOT_SECRET_KEY": S3Server("", 0).secret_key}
    command = [str(binary), "--port", f"127.0.0.1:{port}", "--quiet", "--health", "/health"]
    command += ["--iam-dir", str(root / "iam"), "posix", "--versioning-dir", str(root / "versions"), str(root / "data")]
    with _process(command, keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_until_it_answers(process, port)
        yield S3Server(f"http://127.0.0.1:{port}", process.pid)


def versitygw_binary() -> Path | None:
    """Return versitygw, built once per machine into the user's cache (some minutes); None where Go is not installed."""
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skytf-tests" / VERSITYGW.rpartition("@")[2]
    )
    binary = cache / "versitygw"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        return None
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run([go, "install", VERSITYGW], check=True, env={**os.environ, "GOBIN": str(cache)}, timeout=1200)
    return binary


@contextlib.contextmanager
def _process(command: list[str], settings: Mapping[str, str], **pipes: int) -> Iterator[subprocess.Popen[str]]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    with subprocess.Popen(command, env={**inherited, **settings}, text=True, **pipes) as process:  # type: ignore[call-overload]  # pipes are stdout and stderr
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_it_answers(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            # the process says nothing when it is ready: connect until it is, or has ended
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        finally:
            connection.close()
        assert process.poll() is None, f"the server ended with {process.returncode} before it listened"
    raise AssertionError(f"the server on port {port} does not answer")
