"""What goes wrong around a fleet in a cloud: the transfer recovers, or says what to do, and leaves nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import Client
from skytf.errors import InputError, Refused, TerraformError
from skytf.hooks import Hooks
from skytf.model.copy import ApplyOptions
from skytf.model.site import SiteOption
from tests.e2e.cli import run, skytf, slow_cp
from tests.e2e.clouds import APPLYING
from tests.e2e.stores import objects
from tests.e2e.test_clouds import ONE, Buckets, buckets, world
from tests.e2e.test_copy import copy
from tests.e2e.test_s3 import here
from tests.e2e.trees import SMALL, contents, plant
from tests.provider.world import ALWAYS, World
from tests.servers import S3Server

__all__ = ["buckets", "here", "world"]

TINY = replace(SMALL, instances=1)


def backend_file(path: Path, server: S3Server, bucket: str) -> str:
    """Write a backend file for *bucket* and return its path."""
    path.write_text(
        f'type = "s3"\nbucket = "{bucket}"\nregion = "us-east-1"\nuse_path_style = true\n'
        "skip_credentials_validation = true\nskip_requesting_account_id = true\nskip_metadata_api_check = true\n"
        f'[endpoints]\ns3 = "{server.endpoint_url}"\n'
    )
    return str(path)


@pytest.mark.slow
def test_a_transfer_goes_on_where_there_is_room(world: World, client: Client, buckets: Buckets) -> None:
    world.fail("google_compute_instance", "create", "ZONE_RESOURCE_POOL_EXHAUSTED", where={"zone": "us-central1-a"})
    zones = SiteOption("gcp:us-central1", "zones", ("us-central1-a", "us-central1-b"))
    options = replace(ONE, sites=(zones,), facts=(("gcp", "project", "example-project"),))

    report = client.copy([buckets.copy("gcp:us-central1", "gcp:us-central1")], options, applying=APPLYING)

    assert report is not None
    assert report.outcome == "done"
    assert any("no capacity in zone us-central1-a" in warning for warning in report.warnings)
    assert world.pending_faults() == []
    buckets.assert_arrived()


@pytest.mark.slow
def test_credentials_that_expire_before_destroy_are_told_and_resume_ends_what_is_left(
    world: World, client: Client, home: Path, buckets: Buckets
) -> None:
    world.fail("*", "delete", "ExpiredToken: the security token is expired", times=ALWAYS)

    # The adapter looks into an account of its own here, and finds nothing: only the state knows what is left.
    report = client.copy([buckets.copy("aws:us-east-1", "aws:us-east-1")], ONE, applying=APPLYING)

    assert report is not None
    assert (report.outcome, report.exit_code) == ("done", 4)
    (left,) = report.left
    assert "aws sso login" in left
    assert f"skytf resume {report.transfer_id}, or skytf reap" in left
    transfer = home / "transfers" / report.transfer_id
    assert (transfer / "keys" / "ssh").exists()
    buckets.assert_arrived()
    assert world.resources("aws_instance")

    with pytest.raises(TerraformError, match="ExpiredToken"):
        client.resume()

    (world.directory / "faults.json").unlink()  # somebody has signed in
    resumed = client.resume()

    assert resumed is not None
    assert resumed.phase_s == report.phase_s  # no other fleet was made
    assert (resumed.transfer_id, resumed.outcome, resumed.exit_code, resumed.left) == (
        report.transfer_id,
        "done",
        0,
        (),
    )
    assert world.resources() == []
    assert client.resume(report.transfer_id) is None


@pytest.mark.slow
def test_another_provider_than_the_locked_one_is_refused(
    world: World, client: Client, home: Path, buckets: Buckets, tmp_path: Path
) -> None:
    client.plan([buckets.copy("aws:us-east-1", "aws:us-east-1")], ONE, out=tmp_path / "bundle")
    lock = tmp_path / "bundle" / "infra" / ".terraform.lock.hcl"
    lock.write_text(
        'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n'
        '  constraints = ">= 5.100.0, < 7.0.0"\n  hashes = ["h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]\n}\n'
    )

    with pytest.raises(Refused, match="providers at hand are not those of the reviewed"):
        client.apply(tmp_path / "bundle", applying=APPLYING)

    assert world.resources() == []


def test_who_may_reach_ssh_must_be_known_before_anything_is_made(
    world: World, client: Client, buckets: Buckets
) -> None:
    with pytest.raises(InputError, match="--echo-service off") as refused:
        client.copy(
            [buckets.copy("aws:us-east-1", "aws:us-east-1")],
            ONE,
            applying=replace(APPLYING, operator_cidr="", echo_service=""),
        )

    assert "--operator-cidr" in refused.value.hint
    assert world.resources() == []


def test_a_state_in_a_bucket_is_locked_while_it_is_used_and_empty_after(
    home: Path, here: S3Server, bucket: str, tmp_path: Path
) -> None:
    files = plant(tmp_path / "in", small=3, large=0)
    Client(home=home).plan([copy(tmp_path / "in", tmp_path / "out")], TINY, out=tmp_path / "bundle")
    applying = ApplyOptions(backend=backend_file(tmp_path / "backend.toml", here, bucket))
    s3 = here.client()
    during: list[str] = []

    class Looking(Hooks):
        def on_phase(self, phase: str, text: str) -> None:
            if phase == "transferring":
                (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
                during.append(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    report = Client(home=home, hooks=Looking()).apply(tmp_path / "bundle", applying=applying)

    (state,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert report.outcome == "done"
    assert report.transfer_id in during[0]
    assert json.loads(s3.get_object(Bucket=bucket, Key=state["Key"])["Body"].read())["resources"] == []
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
def test_a_killed_client_is_followed_by_the_remote_state_and_the_new_fleet_may_have_another(
    home: Path, here: S3Server, bucket: str, tmp_path: Path
) -> None:
    files = plant(tmp_path / "in", small=30)
    first = backend_file(tmp_path / "first.toml", here, bucket)
    second = backend_file(tmp_path / "second.toml", here, here.make_bucket(f"{bucket}-2"))
    with skytf(home, *slow_cp(tmp_path / "in", tmp_path / "out"), "--backend", first) as command:
        command.until_phase("transferring")
        command.kill_9()

    resumed = run(home, "resume", "--backend", second)

    assert resumed.last("report")["outcome"] == "done"
    assert contents(tmp_path / "out") == files
    for place in (bucket, f"{bucket}-2"):
        (state,) = objects(here, place).values()
        assert json.loads(state)["resources"] == []


def test_a_backend_that_cannot_be_reached_creates_nothing(
    client: Client, home: Path, tmp_path: Path, closed_port: int
) -> None:
    plant(tmp_path / "in", small=3, large=0)
    file = tmp_path / "backend.toml"
    file.write_text(f'type = "http"\naddress = "http://127.0.0.1:{closed_port}/x"\nretry_max = 0\n')

    with pytest.raises(TerraformError, match="terraform init failed") as failed:
        client.copy([copy(tmp_path / "in", tmp_path / "out")], TINY, applying=ApplyOptions(backend=str(file)))

    assert "the http backend answers" in failed.value.hint
    assert not (tmp_path / "out").exists()


def test_a_backend_file_that_cannot_be_is_said_before_the_sources_are_listed(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "backend.toml"
    file.write_text('type = "s3"\nbucket = "b"\nsecret_key = "hush"\n')

    with pytest.raises(InputError, match="holds a secret: secret_key"):
        client.copy([copy(tmp_path / "nowhere", tmp_path / "out")], TINY, applying=ApplyOptions(backend=str(file)))
