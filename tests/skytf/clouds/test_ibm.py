"""IBM Cloud's adapter, against an account that plays the documented answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.clouds.base import Cloud, NotSignedIn
from skytf.clouds.ibm import IbmCloud
from skytf.clouds.ibm.found import _regions
from skytf.errors import SkytfError
from tests.skytf.clouds.answers import Reply, Request
from tests.skytf.clouds.conformance import FIRST, SECOND, RemoteConformance
from tests.skytf.clouds.ibm_world import BUCKET, COS, GROUP, REGIONS, IbmWorld, ibm_world, token_reply

REGION = REGIONS[0]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IbmWorld]:
    with ibm_world(monkeypatch, tmp_path) as world:
        yield world


@pytest.fixture
def cloud(world: IbmWorld, tmp_path: Path) -> Cloud:
    return IbmCloud(tmp_path, vpc_url=world.vpc_url)


class TestIbm(RemoteConformance):
    """What every cloud must do."""


class TestFinding:
    """Pages, regions, and what is not tagged yet."""

    def test_gateways_on_further_pages_are_found(self, cloud: Cloud, world: IbmWorld) -> None:
        gateways = tuple(f"gw-{number}" for number in range(7))
        world.plant(replace(SECOND, gateways=gateways))

        (found,) = cloud.find()

        assert found.gateways == gateways

    def test_what_is_not_tagged_yet_goes_with_the_rest_of_its_owner(self, cloud: Cloud, world: IbmWorld) -> None:
        world.plant(SECOND)
        world.plant_untagged(SECOND)

        found = cloud.find()
        cloud.delete(SECOND.transfer_id, owner=SECOND.owner)

        assert found == (SECOND,)
        assert world.names() == frozenset()

    def test_of_what_has_no_tags_at_all_the_name_says_the_transfer(self, cloud: Cloud, world: IbmWorld) -> None:
        world.plant_untagged(SECOND)

        (found,) = cloud.find()

        assert (found.transfer_id, found.owner, found.expires_s) == (SECOND.transfer_id, "", 0.0)

    def test_what_has_tags_that_may_not_be_read_is_found_by_name(self, cloud: Cloud, world: IbmWorld) -> None:
        before = world.names()
        world.plant(SECOND)
        world.denied.add("tags")

        cloud.delete(SECOND.transfer_id)

        assert world.names() == before

    @pytest.mark.parametrize("denied", [REGIONS[1], "keys", "profiles"])
    def test_what_may_not_be_listed_is_passed_over(self, cloud: Cloud, world: IbmWorld, denied: str) -> None:
        world.plant(SECOND)
        world.denied.add(denied)

        assert cloud.find() == (SECOND,)

    def test_where_one_address_answers_for_all_regions_everything_is_found_once(
        self, world: IbmWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("IBMCLOUD_IS_NG_API_ENDPOINT", world.vpc_url.replace("{region}", REGION))
        world.plant(SECOND)
        cloud = IbmCloud(tmp_path)

        removed = cloud.delete(SECOND.transfer_id)

        assert len(removed) == len(set(removed))
        assert world.names() == frozenset()

    def test_all_regions_that_skytf_knows_are_looked_at(self) -> None:
        assert {"us-south", "eu-de", "jp-tok"} <= set(_regions())


class TestRemoving:
    """What is done in which order, and what is waited for."""

    def test_instances_go_first_and_profiles_last(self, cloud: Cloud, world: IbmWorld) -> None:
        world.plant(SECOND)

        removed = cloud.delete(SECOND.transfer_id)

        assert [one.partition(" skytf")[0] for one in removed] == [
            "instance",
            "floating IP",
            "subnet",
            "security group",
            "SSH key",
            "VPC",
            "trusted profile",
        ]

    def test_policies_of_the_profile_go_and_others_stay(self, cloud: Cloud, world: IbmWorld) -> None:
        world.plant_stranger()
        world.plant(FIRST)

        cloud.delete(FIRST.transfer_id)

        assert set(world.policies) == {"policy-x"}

    def test_a_subnet_that_is_still_in_use_for_a_moment_is_tried_again(self, cloud: Cloud, world: IbmWorld) -> None:
        world.plant(SECOND)
        answer, refusals = world.server.answer, iter(range(2))

        def refusing(request: Request) -> Reply:
            if request.method == "DELETE" and "/subnets/" in request.path and next(refusals, None) is not None:
                return Reply({"errors": [{"code": "subnet_in_use"}]}, 409)
            return answer(request)

        world.server.answer = refusing

        cloud.delete(SECOND.transfer_id)

        assert world.names() == frozenset()

    def test_an_instance_that_may_not_be_removed_is_named_and_everything_else_is_tried(
        self, cloud: Cloud, world: IbmWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("skytf.clouds.removal._TRIES", 2)
        world.plant(SECOND)
        answer = world.server.answer

        def refusing(request: Request) -> Reply:
            refused = request.method == "DELETE" and "/instances/" in request.path
            return Reply({"errors": [{"code": "not_authorized"}]}, 403) if refused else answer(request)

        world.server.answer = refusing

        with pytest.raises(SkytfError, match=r"instances/.* 403: .*not_authorized") as raised:
            cloud.delete(SECOND.transfer_id)

        assert "terraform/ibm/README.md" in raised.value.hint
        assert {name.split()[1] for name in world.names()} == {
            "instances",
            "volumes",
            "subnets",
            "security_groups",
            "vpcs",
        }


class TestCredentials:
    """Keys, tokens, files, facts and checks."""

    def test_facts_of_the_account_and_of_a_bucket(self, cloud: Cloud) -> None:
        names = ["resource_group", f"cos_instance/{BUCKET}", "cos_instance/unknown"]

        assert cloud.facts(names) == {"resource_group": GROUP, f"cos_instance/{BUCKET}": COS}

    def test_a_resource_group_may_be_named(
        self, cloud: Cloud, world: IbmWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.groups.append({"id": "another", "name": "data", "default": False})
        monkeypatch.setenv("IC_RESOURCE_GROUP", "data")

        assert cloud.facts(["resource_group"]) == {"resource_group": "another"}

    def test_a_key_that_is_deleted_is_a_sign_in(self, cloud: Cloud, world: IbmWorld) -> None:
        said = {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}
        world.server.answer = lambda request: Reply(said, 400)

        with pytest.raises(NotSignedIn, match="API key could not be found") as raised:
            cloud.find()

        assert "IC_API_KEY" in raised.value.hint

    def test_after_a_failure_the_next_question_is_asked_at_once(
        self, cloud: Cloud, world: IbmWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = world.server.answer
        world.server.answer = lambda request: Reply({}, 400)
        monkeypatch.setattr("ibm_cloud_sdk_core.token_managers.token_manager.time.sleep", _no_pause)
        with pytest.raises(NotSignedIn):
            cloud.find()

        world.server.answer = answer

        assert cloud.find() == ()

    def test_a_token_is_taken_as_it_is(
        self, cloud: Cloud, world: IbmWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        world.sign_out()
        monkeypatch.setenv("IC_IAM_TOKEN", f"Bearer {token_reply()['access_token']}")

        checks = IbmCloud(tmp_path, vpc_url=world.vpc_url).check()

        assert checks[0].found.startswith("operator@example.com")
        assert all(request.path != "/identity/token" for request in world.server.asked)

    def test_a_key_in_a_file_of_the_sdks_is_given_to_terraform(
        self, cloud: Cloud, world: IbmWorld, tmp_path: Path
    ) -> None:
        of_variable = cloud.environment()
        world.sign_out()
        file = tmp_path / "ibm-credentials.env"
        file.write_text(f"VPC_AUTH_TYPE=iam\nVPC_APIKEY=key\nVPC_AUTH_URL={world.server.url}\n")
        other = IbmCloud(tmp_path, vpc_url=world.vpc_url)

        assert of_variable == {}
        assert other.environment() == {"IC_API_KEY": "key"}
        assert other.find() == ()

    def test_one_token_serves_many_questions(self, cloud: Cloud, world: IbmWorld) -> None:
        cloud.find()
        cloud.check()

        assert [request.path for request in world.server.asked].count("/identity/token") == 1

    def test_a_region_that_is_not_available_is_a_check_that_is_not_ok(self, cloud: Cloud, world: IbmWorld) -> None:
        world.statuses[REGION] = "unavailable"

        (check,) = [one for one in cloud.check([REGION]) if not one.ok]

        assert check.name == f"region {REGION}"
        assert check.hint

    def test_profiles_that_may_not_be_listed_are_a_missing_permission(self, cloud: Cloud, world: IbmWorld) -> None:
        world.denied.add("profiles")

        (check,) = [one for one in cloud.check() if not one.ok]

        assert check.name == "permissions"

    def test_the_limit_of_vcpus_is_not_known(self, cloud: Cloud) -> None:
        checks = cloud.check([REGION])

        assert cloud.quota(REGION, "bx2-16x64") is None
        assert [one.ok for one in checks if one.name == f"quota in {REGION}"] == [True]


def _no_pause(seconds: float) -> None:
    raise AssertionError(f"IBM's SDK would wait {seconds} s")
