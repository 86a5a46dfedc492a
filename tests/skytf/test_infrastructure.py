"""Real Terraform makes a fleet in the stand-in for AWS, where things go wrong on demand."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.bundle import PLAN_JSON, Bundle
from skytf.deploy.cancel import Cancelled
from skytf.errors import Refused, TerraformError
from skytf.infrastructure import Pauses
from skytf.model.span import Span
from skytf.prepare import with_plan
from skytf.render.root import PLACEHOLDERS
from skytf.runner.backend import OVERRIDE, read_backend
from skytf.runner.engine import SHIM, Engine, resolve
from skytf.runner.messages import Message, ResourceChange
from skytf.runner.reviewed import actions, normalise_plan
from tests.provider.fixtures import provider_config, world
from tests.provider.world import ALWAYS, World
from tests.servers import S3Server
from tests.skytf.account import OPERATOR, TYPES, ZONES, Account, cloud_bundle

__all__ = ["provider_config", "world"]

NO_CAPACITY = "InsufficientInstanceCapacity: We currently do not have sufficient m5.8xlarge capacity"
NO_PROFILE = "InvalidParameterValue: Invalid IAM Instance Profile name"
EXPIRED = "ExpiredToken: The security token included in the request is expired"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return resolve(SHIM, os.environ, launcher_dir=tmp_path_factory.mktemp("launcher"))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, engine: Engine, provider_config: Path) -> Bundle:
    """The bundle as a reviewer has it."""
    root = tmp_path_factory.mktemp("planned")
    account = Account(root, World(root), engine, provider_config, cloud_bundle())
    return with_plan(account.bundle, account.terraform(), account.workdir)


@contextmanager
def holding_the_state(account: Account, world: World) -> Iterator[None]:
    """Let another Terraform be in the middle of a destroy."""
    gate = world.hold("aws_instance", "delete")
    other = threading.Thread(target=account.infrastructure().destroy_old)
    other.start()
    with gate:  # blocks until the other is there
        yield
    other.join()


@pytest.fixture
def account(tmp_path: Path, world: World, engine: Engine, provider_config: Path, planned: Bundle) -> Account:
    return Account(tmp_path, world, engine, provider_config, planned)


class Telling(list[str]):
    """Words that are told, and who hears the first of them."""

    def __init__(self, hear: Callable[[], None]) -> None:
        super().__init__()
        self._hear = hear

    def append(self, text: str) -> None:
        super().append(text)
        self._hear()


def reviewed(account: Account) -> bytes:
    assert account.bundle.plan_json is not None
    return account.bundle.plan_json


def with_module(account: Account, text: str) -> Account:
    """Return *account* with a bundle whose root module has *text* too, planned like any other."""
    bundle = account.bundle.with_file("infra/more.tf", text.encode())
    terraform = replace(account, bundle=bundle).terraform()
    terraform.init()
    plan_file = account.workdir / "review.tfplan"
    terraform.plan(out=plan_file, var_files=[account.workdir / PLACEHOLDERS])
    plan_json = normalise_plan(terraform.show_json(plan_file), workdir=account.workdir)
    return replace(account, bundle=bundle.with_file(PLAN_JSON, plan_json))


def test_the_real_plan_has_the_addresses_and_actions_of_the_reviewed_one(account: Account) -> None:
    """Nothing but values differs between the placeholders and what is made at apply."""
    terraform = account.terraform()
    terraform.init()
    account.infrastructure()._write_values(OPERATOR, {})
    terraform.plan(out=account.workdir / "real.tfplan")

    real = terraform.show_json(account.workdir / "real.tfplan")

    assert actions(real) == actions(json.loads(reviewed(account)))
    assert len(actions(real)) > len(account.bundle.topology.gateways)


def test_a_module_that_does_more_with_the_real_values_is_refused(account: Account, world: World) -> None:
    """The same root module, reviewed with placeholders: who looks only at that plan misses a resource."""
    text = 'resource "terraform_data" "hidden" {\n  count = var.operator_cidr == "192.0.2.1/32" ? 0 : 1\n}\n'
    account = with_module(account, text)

    with pytest.raises(Refused, match=r"terraform_data\.hidden\[0\] \(reviewed: nothing, now: create\)"):
        account.infrastructure().create(reviewed(account), OPERATOR)

    assert world.resources() == []


def test_a_module_that_plans_something_else_today_is_refused(account: Account, world: World) -> None:
    """With the bundle's own placeholders plan.json must come out again."""
    account = with_module(account, 'output "day" {\n  value = "monday"\n}\n')
    (account.workdir / "more.tf").unlink()
    other = account.bundle.with_file("infra/more.tf", b'output "day" {\n  value = "tuesday"\n}\n')

    with pytest.raises(Refused, match=r"output_changes, planned_values of plan\.json differs"):
        replace(account, bundle=other).infrastructure().create(reviewed(account), OPERATOR)

    assert world.resources() == []


def test_a_zone_that_is_sold_out_is_left_for_the_next(account: Account, world: World) -> None:
    world.fail("aws_instance", "create", NO_CAPACITY, where={"instance_type": TYPES[0]}, times=2)
    made = account.infrastructure()

    made.create(reviewed(account), OPERATOR)

    (subnet,) = world.resources("aws_subnet")
    assert subnet["availability_zone"] == ZONES[1]
    assert {one["instance_type"] for one in account.gateways()} == {TYPES[0]}
    assert account.told == [
        "aws:us-east-1 has no capacity in zone us-east-1a with m5.8xlarge:"
        " tried next is zone us-east-1b with m5.8xlarge"
    ]
    assert set(made.gateways()) == {one["tags"]["skytf-gateway"] for one in account.gateways()}
    made.destroy()
    assert world.resources() == []


@pytest.mark.slow
def test_where_all_is_sold_out_it_says_what_was_tried_and_leaves_nothing(account: Account, world: World) -> None:
    world.fail("aws_instance", "create", NO_CAPACITY, times=ALWAYS)
    made = account.infrastructure()

    with pytest.raises(TerraformError, match=r"aws:us-east-1 has no capacity: tried zones us-east-1a, us-e") as failed:
        made.create(reviewed(account), OPERATOR)
    made.destroy()

    assert "m5.8xlarge, m6i.8xlarge" in str(failed.value)
    assert "--zone aws:us-east-1" in failed.value.hint
    assert len(account.told) == len(ZONES) * len(TYPES) - 1
    assert world.resources() == []


@pytest.mark.slow
def test_a_role_that_is_not_known_yet_is_waited_for(account: Account, world: World) -> None:
    world.fail("aws_instance", "create", NO_PROFILE, times=4)
    made = account.infrastructure()

    made.create(reviewed(account), OPERATOR)

    assert len(account.gateways()) == len(account.bundle.topology.gateways)
    assert len(account.told) == 2
    made.destroy()


def test_a_quota_is_not_tried_again_and_says_how_to_raise_it(account: Account, world: World) -> None:
    world.fail("aws_instance", "create", "VcpuLimitExceeded: You have requested more vCPU capacity", times=ALWAYS)
    made = account.infrastructure()

    with pytest.raises(TerraformError, match="terraform apply failed") as failed:
        made.create(reviewed(account), OPERATOR)
    made.destroy()

    assert "request-service-quota-increase" in failed.value.hint
    assert "--region us-east-1" in failed.value.hint
    assert account.told == []
    assert world.resources() == []


def test_credentials_that_expire_before_destroy_name_the_login_and_keep_the_state(
    account: Account, world: World
) -> None:
    made = account.infrastructure()
    made.create(reviewed(account), OPERATOR)
    world.fail("*", "delete", EXPIRED, times=ALWAYS)

    with pytest.raises(TerraformError, match="terraform destroy failed") as failed:
        made.destroy()

    assert "aws sso login" in failed.value.hint
    assert account.told == []  # nobody waits for what does not mend itself
    (world.directory / "faults.json").unlink()
    account.infrastructure().destroy_old()  # what a resume does, after the login
    assert world.resources() == []


@pytest.mark.slow
def test_destroy_is_tried_again(account: Account, world: World) -> None:
    made = account.infrastructure()
    made.create(reviewed(account), OPERATOR)
    world.fail("aws_vpc", "delete", "DependencyViolation: The vpc has dependencies and cannot be deleted", times=2)

    made.destroy()

    assert len(account.told) == 2
    assert all("DependencyViolation" in text and "tried again" in text for text in account.told)
    assert world.resources() == []


@pytest.mark.slow
def test_whoever_stops_need_not_wait_for_the_next_attempt(account: Account, world: World) -> None:
    world.fail("aws_instance", "create", NO_PROFILE, times=ALWAYS)
    stopping = threading.Event()
    account.told = Telling(stopping.set)
    stopper = threading.Thread(target=lambda: stopping.wait() and account.cancel.set())
    made = account.infrastructure(pauses=Pauses(propagation_s=(600.0,)))
    stopper.start()

    with pytest.raises(Cancelled):
        made.create(reviewed(account), OPERATOR)
    stopper.join()
    made.destroy()

    assert world.resources() == []


@pytest.mark.slow
def test_a_vm_that_was_deleted_by_hand_does_not_stand_in_the_way(account: Account, world: World) -> None:
    made = account.infrastructure()
    made.create(reviewed(account), OPERATOR)
    for one in account.gateways():
        world.remove("aws_instance", one["id"])

    made.destroy()

    assert world.resources() == []


def test_nothing_is_destroyed_where_nothing_was_begun(account: Account) -> None:
    said: list[Message] = []

    account.infrastructure(said.append).destroy()

    assert said == []


@pytest.mark.slow
def test_an_apply_that_is_stopped_midway_leaves_a_state_that_knows_all(account: Account, world: World) -> None:
    def stop(message: Message) -> None:
        if isinstance(message, ResourceChange) and (message.stage, "aws_vpc" in message.address) == ("complete", True):
            account.cancel.set()

    made = account.infrastructure(stop)

    with pytest.raises(Cancelled):
        made.create(reviewed(account), OPERATOR)

    assert world.resources("aws_vpc")
    account.infrastructure().destroy_old()
    assert world.resources() == []


@pytest.mark.slow
def test_a_state_that_another_holds_is_left_to_them(account: Account, world: World) -> None:
    made = account.infrastructure()
    made.create(reviewed(account), OPERATOR)
    with holding_the_state(account, world):
        with pytest.raises(TerraformError, match="Error acquiring the state lock") as failed:
            account.infrastructure(pauses=Pauses(destroy_s=())).destroy_old()

        assert f"-chdir={account.workdir} force-unlock " in failed.value.hint
        assert "wait until " in failed.value.hint

    made.destroy()
    assert world.resources() == []


@pytest.fixture
def in_s3(account: Account, s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Keep the account's state in S3, and return the key of its object."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "backend.toml"
    file.write_text(
        f'type = "s3"\nbucket = "{bucket}"\nregion = "us-east-1"\nuse_path_style = true\n'
        "skip_credentials_validation = true\nskip_requesting_account_id = true\nskip_metadata_api_check = true\n"
        f'[endpoints]\ns3 = "{s3_server.endpoint_url}"\n'
    )
    backend = read_backend(file, account.bundle.digest, os.environ)
    account.backend = backend.kind
    account.workdir.mkdir()
    (account.workdir / OVERRIDE).write_bytes(backend.override())
    return str(backend.arguments["key"])


def test_a_remote_state_of_another_transfer_is_refused_and_left_alone(
    account: Account, world: World, in_s3: str
) -> None:
    first = account.infrastructure()
    first.create(reviewed(account), OPERATOR)
    standing = world.resources()
    second = account.infrastructure(transfer_id="20261122-170000-ffffff")

    with pytest.raises(Refused, match=r"holds \d+ resources of another transfer"):
        second.create(reviewed(account), OPERATOR)
    second.destroy()
    second.destroy_old()

    assert world.resources() == standing
    first.destroy()
    assert world.resources() == []


def test_what_cannot_be_cleared_from_a_remote_state_is_still_destroyed(
    account: Account, world: World, in_s3: str
) -> None:
    account.infrastructure().create(reviewed(account), OPERATOR)
    again = account.infrastructure()
    world.fail("*", "delete", "ExpiredToken: the security token is expired", times=ALWAYS)
    with pytest.raises(TerraformError, match="ExpiredToken"):
        again.create(reviewed(account), OPERATOR)
    (world.directory / "faults.json").unlink()

    again.destroy()

    assert world.resources() == []


def test_a_fleet_stood_from_the_first_apply_until_it_was_gone(account: Account, world: World) -> None:
    infrastructure = account.infrastructure()
    before = infrastructure.stood_s()
    infrastructure.create(reviewed(account), OPERATOR)
    standing = infrastructure.stood_s()

    infrastructure.destroy()

    gone = infrastructure.stood_s()
    assert before == Span.exactly(0.0), "planning costs nothing"
    assert (standing.likely, standing.high) == (None, None)
    assert gone == Span.exactly(gone.low)
    assert 0 < standing.low < gone.low


def test_a_fleet_that_cannot_be_removed_goes_on_standing(account: Account, world: World) -> None:
    infrastructure = account.infrastructure()
    infrastructure.create(reviewed(account), OPERATOR)
    world.fail("*", "delete", EXPIRED, times=ALWAYS)

    with pytest.raises(TerraformError):
        infrastructure.destroy()

    assert infrastructure.stood_s().low > 0
    assert infrastructure.stood_s().high is None
