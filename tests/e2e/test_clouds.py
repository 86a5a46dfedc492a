"""Fleets in clouds: the real Terraform and modules, providers that stand in, VMs that are reached over SSH."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from skytf import Client, Copy, Report, Target
from tests.e2e import cli
from tests.e2e.clouds import APPLYING, FACTS, SSH_PORT, accounts, facts
from tests.e2e.commands import skytf
from tests.e2e.stores import objects, open_uploads
from tests.e2e.trees import SMALL, contents, plant
from tests.provider.world import World
from tests.servers import S3Server

ONE = replace(SMALL, instances=1, ssh_port=SSH_PORT)


@pytest.fixture
def world(
    tmp_path: Path, provider_config: Path, s3_server: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Accounts in all clouds, and keys for the stores of `s3_server`."""
    with accounts(tmp_path / "world", provider_config, s3_server, home, monkeypatch) as world:
        yield world


@dataclass(frozen=True)
class Buckets:
    """Two buckets of one server; the first one has ``files`` below ``data/``."""

    server: S3Server
    full: str
    empty: str
    files: dict[str, bytes]

    def copy(self, source: str, *destinations: str) -> Copy:
        """Return a copy from the one bucket to a folder of the other for each region of *destinations*."""
        return Copy(
            Target(f"s3://{self.full}/data", self.server.endpoint_url, region=source),
            tuple(
                Target(f"s3://{self.empty}/{number}", self.server.endpoint_url, region=region)
                for number, region in enumerate(destinations)
            ),
            recursive=True,
        )

    def command(self, source: str, destination: str) -> tuple[object, ...]:
        """Return the arguments of the command line for a copy between gateways in *source* and *destination*."""
        ends = (f"s3://{self.full}/data", f"s3://{self.empty}/0", "--endpoint-url", self.server.endpoint_url)
        regions = ("--src-region", source, "--dst-region", destination)
        known = [f"--fact={cloud}.{name}={value}" for cloud, name, value in FACTS]
        reach = ("--ssh-port", SSH_PORT, "--operator-cidr", "127.0.0.1/32")
        return ("cp", "-r", "-y", *ends, *regions, *known, *reach)

    def assert_arrived(self, *, times: int = 1) -> None:
        assert objects(self.server, self.empty) == {
            f"{number}/{name}": content for number in range(times) for name, content in self.files.items()
        }
        assert open_uploads(self.server, self.empty) == []


@pytest.fixture
def buckets(s3_server: S3Server, bucket: str, tmp_path: Path) -> Buckets:
    files = plant(tmp_path / "planted", small=40, large=1)
    for name, content in files.items():
        s3_server.client().put_object(Bucket=bucket, Key=f"data/{name}", Body=content)
    return Buckets(s3_server, bucket, s3_server.make_bucket(f"{bucket}-empty"), files)


def assert_done(report: Report | None, *, gateways: int) -> None:
    assert report is not None
    assert (report.outcome, report.gateways) == ("done", gateways)


@pytest.mark.slow
def test_a_bucket_goes_from_one_cloud_to_another(world: World, buckets: Buckets, home: Path) -> None:
    said = skytf(home, *map(str, buckets.command("aws:us-east-1", "gcp:us-central1")), env=world.environment())

    assert said.returncode == 0, said.stderr
    buckets.assert_arrived()


@pytest.mark.slow
def test_both_buckets_may_belong_to_one_site(world: World, client: Client, buckets: Buckets) -> None:
    report = client.copy([buckets.copy("aws:us-east-1", "aws:us-east-1")], ONE, applying=APPLYING)

    assert_done(report, gateways=1)
    buckets.assert_arrived()


@pytest.mark.slow
def test_a_directory_goes_out_through_a_cloud_and_comes_back(
    world: World, client: Client, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    """A cloud cannot dial this machine: both ways, the gateways here dial those there."""
    files = plant(tmp_path / "in", small=40, large=1)
    there = Target(f"s3://{bucket}/x", s3_server.endpoint_url, region="azure:westeurope")
    options = replace(ONE, instances=2, facts=facts("azure"))

    up = client.copy([Copy(Target(str(tmp_path / "in")), (there,), recursive=True)], options, applying=APPLYING)
    down = client.copy([Copy(there, (Target(str(tmp_path / "out")),), recursive=True)], options, applying=APPLYING)

    assert_done(up, gateways=4)
    assert_done(down, gateways=4)
    assert contents(tmp_path / "out") == files


@pytest.mark.slow
def test_regions_of_one_cloud_share_a_root_module(world: World, client: Client, buckets: Buckets) -> None:
    copy = buckets.copy("aws:us-east-1", "aws:us-west-2", "aws:eu-west-1")

    report = client.copy([copy], ONE, applying=APPLYING)

    assert_done(report, gateways=3)
    buckets.assert_arrived(times=2)


@pytest.mark.slow
def test_a_third_cloud_relays(world: World, client: Client, buckets: Buckets) -> None:
    options = replace(ONE, via="ibm:us-south", facts=facts("gcp", "azure", "ibm"))

    report = client.copy([buckets.copy("gcp:us-central1", "azure:westeurope")], options, applying=APPLYING)

    assert_done(report, gateways=3)
    buckets.assert_arrived()


@pytest.mark.slow
def test_a_reviewed_bundle_is_applied_in_clouds(world: World, client: Client, buckets: Buckets, tmp_path: Path) -> None:
    options = replace(ONE, facts=facts("ibm"))
    client.plan([buckets.copy("aws:us-east-1", "ibm:us-south")], options, out=tmp_path / "bundle")
    reviewed = (tmp_path / "bundle" / "plan.json").read_bytes()

    report = client.apply(tmp_path / "bundle", applying=APPLYING)

    assert_done(report, gateways=2)
    assert b"ibm_is_instance" in reviewed
    buckets.assert_arrived()


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["deploying", "verifying"])
def test_what_a_killed_client_left_in_clouds_is_taken_up(
    world: World, buckets: Buckets, home: Path, phase: str
) -> None:
    with cli.skytf(home, *buckets.command("aws:us-east-1", "azure:westeurope"), **world.environment()) as command:
        command.until_phase(phase)
        transfer_id = command.transfer_id
        command.kill_9()

    said = skytf(home, "resume", transfer_id, "-y", env=world.environment())

    assert said.returncode == 0, said.stderr
    buckets.assert_arrived()


@pytest.mark.slow
def test_a_vm_that_was_being_made_when_the_client_was_killed_is_found_again(
    world: World, buckets: Buckets, home: Path
) -> None:
    gate = world.hold("azurerm_linux_virtual_machine", "create")
    asked = buckets.command("aws:us-east-1", "azure:westeurope")
    with cli.skytf(home, *asked, **world.environment()) as command:
        command.until_phase("applying")  # what it says before that is more than a pipe holds
        with gate:
            transfer_id = command.transfer_id
            command.kill_9()

    said = skytf(home, "resume", transfer_id, "-y", env=world.environment())

    assert said.returncode == 0, said.stderr
    buckets.assert_arrived()


@pytest.mark.slow
def test_an_interrupt_while_a_vm_is_made_leaves_nothing(world: World, buckets: Buckets, home: Path) -> None:
    gate = world.hold("aws_instance", "create")
    with cli.skytf(home, *buckets.command("aws:us-east-1", "azure:westeurope"), **world.environment()) as command:
        command.until_phase("applying")  # what it says before that is more than a pipe holds
        with gate:
            command.signal(signal.SIGINT)
        code = command.end()

    assert code == 130
    assert objects(buckets.server, buckets.empty) == {}
