"""Azure's adapter, against subscriptions that play the documented answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.clouds.azure import AzureCloud
from skytf.clouds.azure.quota import family
from skytf.clouds.base import Cloud, NotSignedIn
from skytf.errors import SkytfError
from tests.skytf.clouds.answers import Reply, Request
from tests.skytf.clouds.azure_world import (
    ACCOUNT,
    ACCOUNT_ID,
    SECOND_SUBSCRIPTION,
    SUBSCRIPTION,
    AzureWorld,
    azure_world,
)
from tests.skytf.clouds.conformance import FIRST, SECOND, RemoteConformance

REGION = "westeurope"
_ROOT = Path(__file__).parents[3]
TYPE = "Standard_D8s_v5"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AzureWorld]:
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    with azure_world(monkeypatch) as world:
        yield world


@pytest.fixture
def cloud(world: AzureWorld, tmp_path: Path) -> Cloud:
    return AzureCloud(tmp_path, arm_url=world.server.url)


class TestAzure(RemoteConformance):
    """What every cloud must do."""


class TestFinding:
    """Pages, several subscriptions, and what a group leaves behind."""

    def test_gateways_on_further_pages_are_found(self, cloud: Cloud, world: AzureWorld) -> None:
        gateways = tuple(f"gw-{number}" for number in range(7))
        world.plant(replace(SECOND, gateways=gateways))

        (found,) = cloud.find()

        assert found.gateways == gateways

    def test_roles_whose_group_is_gone_are_found_and_removed(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant_roles(FIRST)

        (found,) = cloud.find()
        removed = cloud.delete(FIRST.transfer_id, owner=FIRST.owner)

        assert (found.transfer_id, found.owner, found.gateways) == (FIRST.transfer_id, FIRST.owner, ())
        assert len(removed) == 4
        assert world.names() == frozenset()

    def test_a_group_that_goes_while_all_are_listed_is_no_error(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant(SECOND)
        world.groups_vanish = True

        (found,) = cloud.find()

        assert (found.transfer_id, found.gateways) == (SECOND.transfer_id, ())

    def test_a_subscription_that_may_not_be_looked_at_is_passed_over(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant(FIRST)
        answer = world.server.answer

        def denying(request: Request) -> Reply:
            return (
                Reply({}, 403) if request.path.startswith(f"/subscriptions/{SECOND_SUBSCRIPTION}/") else answer(request)
            )

        world.server.answer = denying

        assert cloud.find() == (FIRST,)


class TestRemoving:
    """What is done in which order, and what is waited for."""

    def test_rights_go_before_roles_and_roles_before_groups(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant(FIRST)

        removed = cloud.delete(FIRST.transfer_id)

        kinds = list(dict.fromkeys(one.partition(" skytf")[0] for one in removed))
        assert kinds == ["role assignment", "role definition", "resource group", "virtual machine"]

    def test_a_role_that_is_still_held_for_a_moment_is_tried_again(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant(FIRST)
        world.held_for = 3

        cloud.delete(FIRST.transfer_id)

        assert world.names() == frozenset()

    def test_a_group_under_a_lock_is_named_and_everything_else_is_tried(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant(FIRST)
        answer = world.server.answer
        locked = f"/resourceGroups/skytf-{FIRST.transfer_id}-{REGION}"

        def locking(request: Request) -> Reply:
            if request.method == "DELETE" and request.path.endswith(locked):
                return Reply({"error": {"code": "ScopeLocked", "message": "a lock"}}, 409)
            return answer(request)

        world.server.answer = locking

        with pytest.raises(SkytfError, match="ScopeLocked"):
            cloud.delete(FIRST.transfer_id)

        assert {path.split("/")[4] for path in world.names()} == {f"skytf-{FIRST.transfer_id}-{REGION}"}

    def test_an_operation_that_fails_after_it_was_accepted_is_an_error(self, cloud: Cloud, world: AzureWorld) -> None:
        world.plant_half(replace(FIRST, gateways=()))
        answer = world.server.answer
        operation = f"{world.server.url}/async"
        said = iter([{"status": "InProgress"}, {"status": "Failed", "error": {"code": "Conflict", "message": "busy"}}])

        def failing(request: Request) -> Reply:
            if request.path == "/async":
                return Reply(next(said))
            if request.method == "DELETE" and "forceDeletionTypes" in request.query:
                return Reply(status=202, headers={"Azure-AsyncOperation": operation})
            return answer(request)

        world.server.answer = failing

        with pytest.raises(SkytfError, match="Failed: Conflict: busy"):
            cloud.delete(FIRST.transfer_id)


class TestQuota:
    """vCPUs of the family, of the region, and of spot VMs."""

    @pytest.mark.parametrize(
        ("of_family", "of_region", "expected"),
        [
            ((100, 20), (1000, 0), (10, "standardDSv5Family")),
            ((100, 20), (100, 70), (3, "cores")),
            ((10, 20), (100, 0), (0, "standardDSv5Family")),
        ],
    )
    def test_the_quota_that_ends_first_is_returned(
        self, cloud: Cloud, world: AzureWorld, of_family: tuple[int, int], of_region: tuple[int, int], expected: object
    ) -> None:
        world.usages = [_usage("standardDSv5Family", *of_family), _usage("cores", *of_region), _usage("x", 0, 0)]

        quota = cloud.quota(REGION, TYPE)

        assert quota
        assert (quota.instances, quota.name) == expected
        assert quota.name in quota.raise_with

    def test_spot_vms_have_one_quota_for_all_families(self, cloud: Cloud, world: AzureWorld) -> None:
        world.usages = [_usage("standardDSv5Family", 0, 0), _usage("cores", 0, 0), _usage("lowPriorityCores", 24, 8)]

        quota = cloud.quota(REGION, TYPE, spot=True)

        assert quota
        assert quota.instances == 2

    def test_of_a_family_that_azure_does_not_tell_the_number_is_not_known(
        self, cloud: Cloud, world: AzureWorld
    ) -> None:
        world.usages = [_usage("cores", 100, 0)]

        quota = cloud.quota(REGION, TYPE)

        assert quota
        assert quota.instances is None

    @pytest.mark.parametrize(
        ("size", "name"),
        [
            ("Standard_D8s_v5", "standardDSv5Family"),
            ("Standard_D8ds_v5", "standardDDSv5Family"),
            ("Standard_F8s_v2", "standardFSv2Family"),
            ("Standard_E16_v5", "standardEv5Family"),
            ("odd", ""),
        ],
    )
    def test_a_size_says_its_family(self, size: str, name: str) -> None:
        assert family(size) == name


class TestCredentials:
    """Subscription, tokens, permissions, registrations."""

    def test_facts_of_the_subscription_and_of_a_storage_account_in_another_one(self, cloud: Cloud) -> None:
        names = ["subscription", "encryption_at_host", f"storage_account/{ACCOUNT}", "storage_account/unknown"]

        assert cloud.facts(names) == {
            "subscription": SUBSCRIPTION,
            "encryption_at_host": "NotRegistered",
            f"storage_account/{ACCOUNT}": ACCOUNT_ID,
        }

    def test_the_subscription_is_the_one_that_az_chose(
        self, cloud: Cloud, world: AzureWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("ARM_SUBSCRIPTION_ID")
        profile = {"subscriptions": [{"id": SUBSCRIPTION}, {"id": SECOND_SUBSCRIPTION, "isDefault": True}]}
        (tmp_path / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8-sig")

        assert cloud.facts(["subscription"]) == {"subscription": SECOND_SUBSCRIPTION}

    def test_of_several_subscriptions_one_must_be_chosen(
        self, cloud: Cloud, world: AzureWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("ARM_SUBSCRIPTION_ID")

        with pytest.raises(SkytfError, match="2 subscriptions") as raised:
            cloud.facts(["subscription"])
        world.subscriptions = [SECOND_SUBSCRIPTION]

        assert "az account set" in raised.value.hint
        assert cloud.facts(["subscription"]) == {"subscription": SECOND_SUBSCRIPTION}

    def test_an_identity_that_gets_no_token_any_more_is_a_sign_in(self, cloud: Cloud, world: AzureWorld) -> None:
        world.tokens.answer = lambda request: Reply({"statusCode": 400, "message": "AADSTS70043: expired"}, 400)

        with pytest.raises(NotSignedIn, match="AADSTS70043") as raised:
            cloud.find()

        assert raised.value.hint == "az login"

    def test_where_nobody_is_signed_in_it_is_said_shortly_and_nothing_is_printed(self, tmp_path: Path) -> None:
        program = "from skytf.clouds.azure import *; print(AzureCloud(Path('.')).check()[0].found)"
        environment = {"HOME": str(tmp_path), "PATH": "", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}

        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=_ROOT, capture_output=True, text=True, check=True
        )

        assert done.stderr == ""
        assert done.stdout == (
            "not signed in to Azure: no service principal in variables, no identity of this machine, nobody in az\n"
        )

    def test_variables_that_cannot_be_are_a_sign_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, text in {"TENANT_ID": "no tenant!", "CLIENT_ID": "id", "CLIENT_SECRET": "hush"}.items():
            monkeypatch.setenv(f"ARM_{name}", text)

        with pytest.raises(NotSignedIn, match="tenant") as refused:
            AzureCloud(tmp_path).find()

        assert "ARM_*" in refused.value.hint

    def test_one_token_serves_many_questions(self, cloud: Cloud, world: AzureWorld) -> None:
        cloud.find()
        cloud.check()

        assert len(world.tokens.asked) == 1

    def test_missing_permissions_are_named(self, cloud: Cloud, world: AzureWorld) -> None:
        contributor = {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write", "*/delete"]}
        groups = {"actions": ["microsoft.resources/*", "Microsoft.Compute/virtualMachines/delete"]}
        world.permissions = [contributor, groups]

        (check,) = [one for one in cloud.check() if not one.ok]

        assert check.name == "permissions"
        assert check.found == (
            "not allowed: Microsoft.Authorization/roleAssignments/write, Microsoft.Authorization/roleDefinitions/write"
        )

    def test_a_namespace_that_is_not_registered_is_named_with_its_command(
        self, cloud: Cloud, world: AzureWorld
    ) -> None:
        world.registered["Microsoft.ManagedIdentity"] = "NotRegistered"

        (check,) = [one for one in cloud.check() if not one.ok]

        assert check.hint == "az provider register --namespace Microsoft.ManagedIdentity"


def _usage(name: str, limit: int, used: int) -> dict[str, object]:
    return {"name": {"value": name, "localizedValue": name}, "limit": limit, "currentValue": used, "unit": "Count"}
