"""AWS's adapter, against an EC2- and IAM-compatible server process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.clouds.aws import AwsCloud
from skytf.clouds.aws.account import Account
from skytf.clouds.base import Cloud, NotSignedIn
from skytf.clouds.tags import TRANSFER
from skytf.errors import SkytfError
from tests.servers import S3Server
from tests.skytf.clouds.aws_world import REGIONS, AwsWorld, aws_world
from tests.skytf.clouds.conformance import FIRST, SECOND, RemoteConformance


@pytest.fixture
def world(aws_server: S3Server, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsWorld]:
    monkeypatch.setattr("skytf.clouds.aws.removal._FIRST_PAUSE_S", 0.01)
    with aws_world(aws_server, closed_port, monkeypatch) as world:
        yield world


@pytest.fixture
def cloud(world: AwsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The adapter, in an account where few regions are enabled: asking all takes a second."""
    enabled = Account.regions
    monkeypatch.setattr(Account, "regions", lambda self: tuple(one for one in enabled(self) if one in REGIONS))
    return AwsCloud(tmp_path)


class TestAws(RemoteConformance):
    """What every cloud must do."""

    def test_every_region_that_is_enabled_is_searched(self, world: AwsWorld, tmp_path: Path) -> None:
        ec2 = world.client("ec2", "sa-east-1")
        specification = [{"ResourceType": "vpc", "Tags": [{"Key": TRANSFER, "Value": "t1"}]}]
        ec2.create_vpc(CidrBlock="10.0.0.0/24", TagSpecifications=specification)

        found = AwsCloud(tmp_path).find()

        assert [fleet.transfer_id for fleet in found] == ["t1"]

    def test_a_region_that_a_policy_closes_does_not_hide_the_others(self, cloud: Cloud, world: AwsWorld) -> None:
        world.plant(FIRST)
        world.deny(in_region=REGIONS[0])

        (found,) = cloud.find()

        assert (found.transfer_id, found.gateways) == (FIRST.transfer_id, ("gw-1",))

    def test_a_role_that_goes_while_all_are_listed_is_no_error(self, cloud: Cloud, world: AwsWorld) -> None:
        world.plant(SECOND)
        world.refuse("GetRole", "NoSuchEntity", times=1)

        (found,) = cloud.find()

        assert found.transfer_id == SECOND.transfer_id

    def test_what_is_held_for_a_while_is_tried_again(self, cloud: Cloud, world: AwsWorld) -> None:
        world.plant(SECOND)
        world.refuse("DeleteVpc", "DependencyViolation", times=3)

        removed = cloud.delete(SECOND.transfer_id)

        assert any(one.startswith("VPC vpc-") for one in removed)
        assert cloud.find() == ()

    def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(self, cloud: Cloud, world: AwsWorld) -> None:
        world.plant(SECOND)
        world.refuse("DeleteSubnet", "UnauthorizedOperation", times=99)

        with pytest.raises(SkytfError, match=r"subnet subnet-\w+ in eu-west-1") as raised:
            cloud.delete(SECOND.transfer_id)

        assert "DeleteSubnet" in raised.value.hint
        (left,) = cloud.find()
        assert left.gateways == ()

    def test_the_quota_counts_vcpus_of_what_runs(self, cloud: Cloud, world: AwsWorld) -> None:
        world.set_quota("L-1216C47A", 100.0)
        world.run_instance("m5.xlarge")
        world.run_instance("m5.xlarge", spot=True)

        quota = cloud.quota(REGIONS[0], "m5.8xlarge")

        assert quota is not None
        assert (quota.instances, quota.limit, quota.used) == (3, 100.0, 4.0)
        assert f"--region {REGIONS[0]} --service-code ec2 --quota-code L-1216C47A" in quota.raise_with

    def test_spot_has_a_quota_of_its_own(self, cloud: Cloud, world: AwsWorld) -> None:
        world.set_quota("L-34B43A08", 32.0)
        world.run_instance("m5.xlarge")

        quota = cloud.quota(REGIONS[0], "m5.8xlarge", spot=True)

        assert quota is not None
        assert (quota.instances, quota.used) == (1, 0.0)

    def test_a_quota_that_is_used_up_fails_the_check_with_the_command_that_asks_for_more(
        self, cloud: Cloud, world: AwsWorld
    ) -> None:
        world.set_quota("L-1216C47A", 5.0)

        (check,) = [check for check in cloud.check([REGIONS[0]]) if check.name == f"quota in {REGIONS[0]}"]

        assert not check.ok
        assert check.hint.startswith("aws service-quotas request-service-quota-increase")

    def test_permissions_that_are_missing_are_named(self, cloud: Cloud, world: AwsWorld) -> None:
        world.refuse("CreateVpc", "UnauthorizedOperation", times=99)

        (check,) = [check for check in cloud.check([REGIONS[0]]) if check.name == "permissions"]

        assert not check.ok
        assert check.found == f"not allowed: ec2:CreateVpc in {REGIONS[0]}"

    def test_iams_simulator_is_asked_where_it_may_be(self, cloud: Cloud, world: AwsWorld) -> None:
        world.simulate(denied="iam:PassRole")

        (check,) = [check for check in cloud.check() if check.name == "permissions"]

        assert not check.ok
        assert check.found == "not allowed: iam:PassRole"

    def test_a_profile_that_signs_on_once_is_signed_in_with_its_own_command(
        self, world: AwsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tmp_path / "config"
        config.write_text(
            "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = ops\n"
            "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://example.invalid/start\n"
        )
        world.sign_out()
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_PROFILE", "work")
        monkeypatch.setenv("HOME", str(tmp_path))

        with pytest.raises(NotSignedIn) as raised:
            AwsCloud(tmp_path).find()

        assert raised.value.hint == "aws sso login --profile work"

    def test_a_profile_that_is_not_there_is_no_credentials(
        self, world: AwsWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "gone")
        cloud = AwsCloud(tmp_path)

        with pytest.raises(NotSignedIn, match="gone"):
            cloud.find()
