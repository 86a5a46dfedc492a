from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skytf.errors import Interrupted, NoTopology, Refused
from skytf.model.job import Request
from skytf.model.quota import QuotaRead
from skytf.model.region import Region
from skytf.planner import plan
from skytf.quota import check_quota, read_quota
from tests.servers import S3Server
from tests.skytf.clouds.aws_world import REGIONS, AwsWorld, aws_world
from tests.skytf.clouds.gcp_world import GcpWorld, gcp_world
from tests.skytf.requests import B, job, path, request

AWS, GCP, TOY = Region("aws", REGIONS[0]), Region("gcp", "us-central1"), Region("toy", "east")
STANDARD = "L-1216C47A"


@pytest.fixture
def aws(aws_server: S3Server, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsWorld]:
    with aws_world(aws_server, closed_port, monkeypatch) as world:
        yield world


@pytest.fixture
def gcp(closed_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GcpWorld]:
    with gcp_world(closed_port, monkeypatch, tmp_path) as world:
        yield world


def between(region: Region, *, instances: int = 2) -> Request:
    """A request whose source stands in *region*, and whose destination on this machine."""
    return replace(request(job(source=path("in", region), destinations=(path("out", B),))), instances=instances)


class Told(list[str]):
    """What a user was warned of while the quota was read."""

    def read(self, asked: Request, home: Path) -> tuple[QuotaRead, ...]:
        return read_quota(asked, plan(asked), home, lambda: None, self.append)


def again(reviewed: tuple[QuotaRead, ...], asked: Request, home: Path) -> list[str]:
    return check_quota(reviewed, asked, plan(asked), home, lambda: None)


def test_what_an_account_allows_stands_in_the_bundle(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)
    told = Told()

    (found,) = told.read(between(AWS), tmp_path)

    assert (found.region, found.instance_type, found.wanted, found.limit) == (AWS, "m5.8xlarge", 2, 64)
    assert STANDARD in found.name
    assert told == []


def test_more_gateways_than_an_account_allows_are_no_topology(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)

    with pytest.raises(NoTopology) as caught:
        Told().read(between(AWS, instances=3), tmp_path)

    assert f"{AWS} lets 2 more m5.8xlarge start and 3 are wanted" in str(caught.value)
    assert "64, of which 0 are in use" in str(caught.value)
    assert "aws service-quotas request-service-quota-increase --region " in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_cloud_that_nobody_is_signed_in_to_is_a_warning(aws: AwsWorld, tmp_path: Path) -> None:
    aws.sign_out()
    told = Told()

    assert told.read(between(AWS), tmp_path) == ()
    (warning,) = told
    assert warning.startswith(f"the quota of {AWS} was not checked: ")


def test_what_one_may_not_read_is_a_warning(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)
    aws.deny(in_region=AWS.name)
    told = Told()

    assert told.read(between(AWS), tmp_path) == ()
    assert "not checked" in told[0]


@pytest.mark.usefixtures("toy_cloud")
def test_a_cloud_without_an_adapter_is_a_warning(tmp_path: Path) -> None:
    told = Told()

    assert told.read(between(TOY), tmp_path) == ()
    assert told == ["the quota of toy:east was not checked: there is no adapter that could ask Toy Cloud"]


def test_a_type_that_a_cloud_does_not_tell_of_is_a_warning(gcp: GcpWorld, tmp_path: Path) -> None:
    gcp.quotas["regions/us-central1"] = [{"metric": "IN_USE_ADDRESSES", "limit": 8, "usage": 0}]
    told = Told()

    assert told.read(between(GCP), tmp_path) == ()
    assert "Google Cloud does not tell that of" in told[0]


def test_the_quota_of_another_project_counts_for_nothing(gcp: GcpWorld, tmp_path: Path) -> None:
    gcp.quotas["regions/us-central1"] = [{"metric": "N2_CPUS", "limit": 8, "usage": 0}]
    elsewhere = replace(between(GCP), facts=(("gcp", "project", "another-project"),))
    told = Told()

    assert told.read(elsewhere, tmp_path) == ()
    assert "project is another-project, and the credentials ask about" in told[0]


def test_on_this_machine_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("skytf.quota.open_cloud", lambda *_: pytest.fail("asked"))

    assert Told().read(request(), tmp_path) == ()


def test_whoever_stops_need_not_wait_for_a_cloud(tmp_path: Path) -> None:
    def stop() -> None:
        raise Interrupted("stopped", signal_number=2)

    with pytest.raises(Interrupted):
        read_quota(between(AWS), plan(between(AWS)), tmp_path, stop, lambda _: None)


def test_the_same_quota_passes_at_apply(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)
    reviewed = Told().read(between(AWS), tmp_path)

    assert again(reviewed, between(AWS), tmp_path) == []


@pytest.mark.parametrize("now", [32, 128])
def test_a_quota_that_moved_is_refused_and_named(aws: AwsWorld, tmp_path: Path, now: int) -> None:
    aws.set_quota(STANDARD, 64)
    reviewed = Told().read(between(AWS), tmp_path)
    aws.set_quota(STANDARD, now)

    with pytest.raises(Refused, match=rf"the quota of {AWS} .*\({STANDARD}\) was 64 and is {now}") as caught:
        again(reviewed, between(AWS), tmp_path)

    assert "plan again" in caught.value.hint
    assert caught.value.exit_code == 7


def test_too_little_that_is_free_now_is_refused_and_named(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)
    reviewed = Told().read(between(AWS), tmp_path)
    aws.run_instance("m5.xlarge")

    with pytest.raises(Refused, match=r"lets 1 more m5\.8xlarge start and 2 are wanted .* 4 are in use") as caught:
        again(reviewed, between(AWS), tmp_path)

    assert caught.value.hint.startswith("wait until there is room, or aws service-quotas")


def test_another_limit_that_has_become_the_tightest_is_no_moved_quota(gcp: GcpWorld, tmp_path: Path) -> None:
    family = {"metric": "N2_CPUS", "limit": 128, "usage": 0}
    gcp.quotas["regions/us-central1"] = [family, {"metric": "IN_USE_ADDRESSES", "limit": 9, "usage": 0}]
    (reviewed,) = Told().read(between(GCP), tmp_path)
    gcp.quotas["regions/us-central1"] = [family, {"metric": "IN_USE_ADDRESSES", "limit": 9, "usage": 6}]

    assert reviewed.name == "N2_CPUS"
    assert again((reviewed,), between(GCP), tmp_path) == []


def test_who_may_not_ask_at_apply_is_warned_and_not_refused(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 64)
    reviewed = Told().read(between(AWS), tmp_path)
    aws.sign_out()

    (warning,) = again(reviewed, between(AWS), tmp_path)

    assert warning.startswith(f"the quota of {AWS} was read when it was planned, and cannot be now: ")
    assert again((), between(AWS), tmp_path) == [], "PLAN.md has said that it was not checked"


def test_where_nobody_could_ask_at_plan_there_must_still_be_room(aws: AwsWorld, tmp_path: Path) -> None:
    aws.set_quota(STANDARD, 32)

    with pytest.raises(Refused, match=r"lets 1 more m5\.8xlarge start and 2 are wanted"):
        again((), between(AWS), tmp_path)
