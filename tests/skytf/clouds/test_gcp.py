"""Google Cloud's adapter, against a project that plays the documented answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from skytf.clouds.base import Cloud, NotSignedIn
from skytf.clouds.gcp import GcpCloud
from skytf.errors import SkytfError
from tests.skytf.clouds.answers import Reply, Request
from tests.skytf.clouds.conformance import FIRST, HALF, SECOND, RemoteConformance
from tests.skytf.clouds.gcp_world import HOST, PROJECT, ZONES, GcpWorld, gcp_world

REGION = "us-central1"
TYPE = "n2-standard-16"


@pytest.fixture
def world(closed_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GcpWorld]:
    with gcp_world(closed_port, monkeypatch, tmp_path) as world:
        yield world


@pytest.fixture
def cloud(world: GcpWorld, tmp_path: Path) -> Cloud:
    return GcpCloud(tmp_path)


class TestGcp(RemoteConformance):
    """What every cloud must do."""

    half_tags: ClassVar[
        Mapping[str, str]
    ] = {}  # without a gateway there are no labels, and descriptions hold only our own


class TestFinding:
    """Labels, descriptions, pages and other people's projects."""

    def test_fleets_on_further_pages_are_found(self, cloud: Cloud, world: GcpWorld) -> None:
        gateways = tuple(f"gw-{number}" for number in range(7))
        world.plant(replace(SECOND, gateways=gateways))

        (found,) = cloud.find()

        assert found.gateways == gateways

    def test_rules_in_the_host_project_of_a_shared_network_go_too(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant(FIRST)
        world.share_network(FIRST)

        removed = cloud.delete(FIRST.transfer_id)

        assert [name for name in world.names() if HOST in name] == []
        assert any("-shared-ssh" in one for one in removed)

    def test_what_may_not_be_listed_is_passed_over(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant(FIRST)
        world.denied.add("firewalls")

        assert cloud.find() == (FIRST,)


class TestRemoving:
    """Operations, grants, and what stands in the way."""

    def test_grants_of_the_service_account_go_and_others_stay(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant_stranger()
        world.plant(FIRST)

        cloud.delete(FIRST.transfer_id)

        members = [member for one in world.policy["bindings"] for member in one["members"]]
        assert members == ["user:somebody@example.com"]

    def test_the_account_goes_where_buckets_may_not_be_seen(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant(FIRST)
        world.denied.add("buckets")

        cloud.delete(FIRST.transfer_id)

        assert world.accounts == {}

    def test_an_operation_that_fails_is_named_and_everything_else_is_tried(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant(FIRST)
        failed = {"errors": [{"code": "RESOURCE_OPERATION_RATE_EXCEEDED", "message": "too many"}]}
        name = f"skytf-{FIRST.transfer_id}-gw-0"
        world.operations[f"op-instances-{name}"] = [{"name": name, "status": "DONE", "error": failed}]

        with pytest.raises(SkytfError, match=r"gw-0: RESOURCE_OPERATION_RATE_EXCEEDED: too many"):
            cloud.delete(FIRST.transfer_id)

        assert world.names() == frozenset()

    def test_a_network_that_is_still_in_use_for_a_moment_is_tried_again(self, cloud: Cloud, world: GcpWorld) -> None:
        world.plant_half(HALF)
        site = f"skytf-{HALF.transfer_id}-{ZONES[0].rpartition('-')[0]}"
        world.make_rule(PROJECT, "late", HALF)
        late = f"projects/{PROJECT}/global/firewalls/late"
        world.resources[late]["network"] = f"projects/{PROJECT}/global/networks/{site}"
        answer = world.server.answer

        def with_a_late_end(request: Request) -> Reply:
            reply = answer(request)
            if reply.status == 400:
                del world.resources[late]
            return reply

        world.server.answer = with_a_late_end

        cloud.delete(HALF.transfer_id)

        assert world.names() == frozenset()


class TestQuota:
    """What ends first says how many."""

    @pytest.mark.parametrize(
        ("limits_and_usages", "expected"),
        [
            (((100, 20), (8, 0), (1000, 0)), (5, "N2_CPUS")),
            (((100, 20), (8, 5), (1000, 0)), (3, "IN_USE_ADDRESSES")),
            (((100, 20), (8, 5), (32, 16)), (1, "CPUS_ALL_REGIONS")),
            (((10, 20), (8, 5), (32, 16)), (0, "N2_CPUS")),
        ],
    )
    def test_the_quota_that_ends_first_is_returned(
        self,
        cloud: Cloud,
        world: GcpWorld,
        limits_and_usages: tuple[tuple[int, int], ...],
        expected: tuple[int, str],
    ) -> None:
        family, addresses, everywhere = limits_and_usages
        world.quotas[f"regions/{REGION}"] = [_quota("N2_CPUS", *family), _quota("IN_USE_ADDRESSES", *addresses)]
        world.quotas[""] = [_quota("CPUS_ALL_REGIONS", *everywhere)]

        quota = cloud.quota(REGION, TYPE)

        assert quota
        assert (quota.instances, quota.name) == expected
        assert quota.name in quota.raise_with

    def test_spot_vms_have_a_quota_of_their_own_where_the_project_has_one(self, cloud: Cloud, world: GcpWorld) -> None:
        world.quotas[f"regions/{REGION}"] = [_quota("N2_CPUS", 16, 0), _quota("PREEMPTIBLE_CPUS", 64, 0)]

        spot = cloud.quota(REGION, TYPE, spot=True)
        ordinary = cloud.quota(REGION, TYPE)

        assert spot
        assert ordinary
        assert (spot.instances, ordinary.instances) == (4, 1)

    def test_of_a_family_that_the_region_does_not_tell_the_number_is_not_known(
        self, cloud: Cloud, world: GcpWorld
    ) -> None:
        world.quotas[f"regions/{REGION}"] = [_quota("IN_USE_ADDRESSES", 8, 0)]

        quota = cloud.quota(REGION, TYPE)

        assert quota
        assert quota.instances is None

    def test_an_exhausted_quota_is_a_check_that_is_not_ok(self, cloud: Cloud, world: GcpWorld) -> None:
        world.quotas[f"regions/{REGION}"] = [_quota("N2_CPUS", 8, 0)]

        (check,) = [one for one in cloud.check([REGION]) if not one.ok]

        assert check.name == f"quota in {REGION}"
        assert "console.cloud.google.com" in check.hint


class TestCredentials:
    """Project, tokens and permissions."""

    def test_the_project_is_a_fact(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        of_file = cloud.facts(["project"])
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")

        assert of_file == {"project": PROJECT}
        assert GcpCloud(tmp_path).facts(["project"]) == {"project": "another"}

    def test_a_file_that_cannot_be_read_is_a_sign_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))

        with pytest.raises(NotSignedIn, match="not signed in"):
            GcpCloud(tmp_path).find()

    def test_a_key_that_gives_no_token_any_more_is_a_sign_in(self, cloud: Cloud, world: GcpWorld) -> None:
        world.server.answer = lambda request: Reply({"error": "invalid_grant", "error_description": "expired"}, 400)

        with pytest.raises(NotSignedIn, match="invalid_grant") as raised:
            cloud.find()

        assert raised.value.hint == "gcloud auth application-default login"

    def test_one_token_serves_many_questions(self, cloud: Cloud, world: GcpWorld) -> None:
        cloud.find()
        cloud.check()

        assert [request.path for request in world.server.asked].count("/token") == 1

    def test_the_project_that_pays_for_questions_is_named_with_each(
        self, world: GcpWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")

        GcpCloud(tmp_path).find()

        asked = [request for request in world.server.asked if request.path != "/token"]
        assert asked
        assert {request.headers["X-Goog-User-Project"] for request in asked} == {"payer"}

    def test_missing_permissions_are_named(self, cloud: Cloud, world: GcpWorld) -> None:
        world.denied |= {"compute.instances.create", "iam.serviceAccounts.create"}

        (check,) = [one for one in cloud.check() if not one.ok]

        assert check.name == "permissions"
        assert check.found == "not allowed: compute.instances.create, iam.serviceAccounts.create"

    def test_a_metadata_service_that_is_not_there_is_asked_once(
        self, cloud: Cloud, world: GcpWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.sign_out()
        monkeypatch.delenv("NO_GCE_CHECK")
        monkeypatch.setattr(
            "google.auth.compute_engine._metadata._get_metadata_ip_root",
            lambda use_mtls: f"http://127.0.0.1:{world.closed_port}",
        )
        monkeypatch.setattr("google.auth.compute_engine._metadata.detect_gce_residency_linux", lambda: False)
        monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", _no_pause)

        with pytest.raises(NotSignedIn):
            cloud.find()


def _no_pause(seconds: float) -> None:
    raise AssertionError(f"google-auth would wait {seconds} s")


def _quota(metric: str, limit: float, usage: float) -> dict[str, object]:
    return {"metric": metric, "limit": limit, "usage": usage}
