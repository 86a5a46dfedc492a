"""Destinations that are full, and stores that are out of service: nothing is lost, and somebody says so."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.program import Program, Step
from gateway.units import MIB
from tests.e2e.stores import objects, open_uploads
from tests.faults.fleets import LINK, SETTINGS, plant, reading, writing
from tests.gateway.pipelines import gateway, shard_of, tree
from tests.lab.gateways import Keys
from tests.lab.ground import BehindRelays, Ground
from tests.lab.outage import Outage
from tests.servers import S3Server

pytestmark = pytest.mark.slow
OUTAGE_S = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", path], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no little disk can be mounted: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_destination_that_is_full_takes_the_rest_once_there_is_room(
    ground: Ground, tmp_path: Path, disk: Path, report: Callable[[str], None]
) -> None:
    files = plant(tmp_path / "from")
    programs = [reading("a", "b"), writing("b", disk / "to", "a")]
    shard = shard_of(tmp_path / "from")

    with ground.fleet(tmp_path / "home", programs) as fleet:
        a = fleet["a"]
        began_s = time.monotonic()
        a.take(shard)
        noticed_s = a.wait("failed") - began_s
        a.wait("shard_done")
        failures = a.events("failed")
        arrived = tree(disk / "to")

        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        a.take(replace(shard, shard_id="job/again", again=True))
        a.wait("shard_done", shard_id="job/again")

        assert all("No space left on device" in failure["error"] for failure in failures)
        assert arrived == {name: files[name] for name in arrived}, "what is there is whole, and nothing else is"
        assert len(arrived) + len({failure["key"] for failure in failures}) == len(files)
        assert tree(disk / "to") == files
    report(f"full destination: the first object was refused {noticed_s:.1f} s after the shard was taken")


@pytest.mark.parametrize("counts", [(8, 40), (1, 0)], ids=["many", "one"])
def test_a_store_that_answers_503_for_a_minute(
    tmp_path: Path, s3_server: S3Server, report: Callable[[str], None], counts: tuple[int, int]
) -> None:
    """With one object nothing but patience helps: with many, their attempts take turns."""
    bucket = s3_server.make_bucket(f"outage-{secrets.token_hex(4)}")
    files = plant(tmp_path / "from", large=counts[0], small=counts[1])
    source = reading("a", "b")

    # Behind relays: from hosts of their own the gateways would not reach a store that listens on this machine.
    with Outage(urlsplit(s3_server.endpoint_url).port or 0) as store, BehindRelays(LINK) as ground:
        programs = [source, _writing_objects(replace(s3_server, endpoint_url=store.endpoint_url), bucket)]
        with ground.fleet(tmp_path / "home", programs, Keys({"store": s3_server.credentials})) as fleet:
            a = fleet["a"]
            a.wait("peer", up=True)
            store.begin()
            a.take(shard_of(tmp_path / "from"))
            threading.Event().wait(OUTAGE_S)  # the length of the fault, not a wait for something
            store.end()
            ended_s = time.monotonic()
            took_s = a.wait("shard_done", after_s=ended_s, timeout_s=120.0) - ended_s

            assert a.events("failed") + a.events("fatal") == []
            assert [event for event in a.events("peer") if not event["up"]] == []
            assert store.refused > 0
    assert objects(s3_server, bucket) == files
    assert open_uploads(s3_server, bucket) == []
    seen = f"{store.refused} requests refused, all {len(files)} objects there {took_s:.1f} s after it ended"
    report(f"503 for {OUTAGE_S:.0f} s: {seen}")


def _writing_objects(server: S3Server, bucket: str) -> Program:
    store = {"scheme": "s3", "bucket": bucket, "endpoint_url": server.endpoint_url, "credentials": "store"}
    leaf = Step("write_object_store", {"store": store, "prefix": "", "recursive": True, "destination": 0}, (0,))
    settings = replace(SETTINGS, chunk_bytes=5 * MIB, threshold_bytes=5 * MIB)
    return gateway("b", Step("receive", children=(leaf,)), dialled_by=("a",), settings=settings)
