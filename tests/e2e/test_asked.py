"""What a transfer really asks its stores, as the server's own log has it, against what a bill counts."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateway.units import MIB
from skytf import Client, Copy, Target
from skytf.bundle import Bundle
from skytf.model.span import Span
from skytf.volume.asked import requests_of
from skytf.volume.pieces import pieces_by_job
from tests.e2e.trees import SMALL
from tests.servers import _RUNNING, S3Server, _process, _stop

ONE = replace(SMALL, instances=1)
# werkzeug paints what is no plain 200
_LINE = re.compile(r'"(?:\x1b\[\d+m)*(GET|HEAD|PUT|POST|DELETE) /([^/? ]+)/?([^? ]*)(\?\S*)? HTTP')
# Of each kind: one object of a size that its class says exactly how it is cut (5 MiB chunks, whole up to 6 MiB).
SIZES = {"empty": 0, "small": 1_000, "whole": 4 * MIB, "cut": 16 * MIB}


class Log:
    """The lines of a server, each with what was asked of which bucket."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def asked(self, bucket: str) -> Counter[str]:
        """Return operation as a bill calls it → how often *bucket* was asked."""
        found: Counter[str] = Counter()
        for match in filter(None, map(_LINE.search, self.lines)):
            if match[2] == bucket:
                found[_operation(match[1], match[4] or "")] += 1
        return found


def _operation(method: str, query: str) -> str:
    if "list-type=2" in query:
        return "list"
    if method in {"GET", "HEAD"}:
        return "get"
    return "multipart-part" if "partNumber=" in query else "put"


@contextmanager
def logged_server(log: Log) -> Iterator[S3Server]:
    """Run a moto server whose requests go to *log*."""
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with _process(command, {"S3_UPLOAD_PART_MIN_SIZE": "1"}, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        stderr = process.stderr
        port = next(match[1] for line in iter(stderr.readline, "") if (match := _RUNNING.search(line)))
        drain = threading.Thread(target=lambda: log.lines.extend(iter(stderr.readline, "")), name="moto-log")
        drain.start()
        try:
            yield S3Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            _stop(process)
            drain.join()


def expected(bundle: Bundle) -> dict[str, dict[str, Span]]:
    request, surveys = bundle.manifest.request, bundle.manifest.survey
    found: dict[str, dict[str, Span]] = {}
    for one in requests_of(request, pieces_by_job(surveys, request.settings)):
        found.setdefault(one.end, {})[one.operation] = one.count
    return found


@pytest.mark.slow
@pytest.mark.parametrize("if_exists", ["overwrite", "skip"])
def test_stores_are_asked_as_often_as_the_bill_says(
    client: Client, monkeypatch: pytest.MonkeyPatch, if_exists: str
) -> None:
    """A folder and a single object, planned, reviewed and applied. The log is read once the server has ended."""
    log = Log()
    names = ("folder-from", "folder-to", "single-from", "single-to")
    with logged_server(log) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for name in names:
            server.make_bucket(name)
        for name, size in SIZES.items():
            server.client().put_object(Bucket="folder-from", Key=f"in/{name}", Body=bytes(size))
        server.client().put_object(Bucket="single-from", Key="in/whole", Body=bytes(SIZES["whole"]))
        url = server.endpoint_url
        folder = Copy(Target("s3://folder-from/in", url), (Target("s3://folder-to/out", url),), recursive=True)
        single = Copy(Target("s3://single-from/in/whole", url), (Target("s3://single-to/out/", url),))

        bundle = client.plan([folder, single], replace(ONE, if_exists=if_exists))
        report = client.apply(bundle)

    assert report.outcome == "done"
    counted = expected(bundle)
    planted = {"folder-from": 1 + len(SIZES), "single-from": 2, "folder-to": 1, "single-to": 1}
    ends = ("job-0-source", "job-0-destination-0", "job-1-source", "job-1-destination-0")
    for bucket, end in zip(names, ends, strict=True):
        asked = log.asked(bucket) - Counter(put=planted[bucket])
        assert dict(asked) == {name: span.likely for name, span in counted[end].items()}, end
