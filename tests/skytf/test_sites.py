from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.stores.base import StoreSpec
from skytf.clouds.sheet import sheet
from skytf.errors import InputError
from skytf.model.job import Endpoint, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.sites import Access, MissingFact, access, check_options, facts, missing_facts, settings
from tests.skytf.requests import A, job, path, request

pytestmark = pytest.mark.usefixtures("toy_cloud")

EAST, NORTH, WEST = (Region("toy", name) for name in ("east", "north", "west"))


def chosen(*options: SiteOption, private_addresses: bool = False) -> Request:
    return replace(request(), site_options=options, private_addresses=private_addresses)


def in_cloud(bucket: str, prefix: str, *, by: str = "identity") -> Endpoint:
    return Endpoint(f"cos://{bucket}/{prefix}", StoreSpec("cos", bucket), prefix, EAST, access=by)


def test_the_cloud_says_what_is_taken_where_the_user_chose_nothing() -> None:
    found = settings(chosen(), EAST)

    assert (found.instance_types, found.arch, found.zones) == (("small", "big"), "x86_64", ())
    assert found.ssh_port == 22


def test_what_is_said_of_a_region_wins_over_what_is_said_of_its_cloud() -> None:
    asked = chosen(
        SiteOption("toy", "instance_types", ("big",)),
        SiteOption("toy:east", "instance_types", ("arm.small",)),
        SiteOption("toy", "image", ("image-1",)),
    )

    east, west = settings(asked, EAST), settings(asked, WEST)

    assert (east.instance_types, east.arch, east.image) == (("arm.small",), "arm64", "image-1")
    assert (west.instance_types, west.arch, west.image) == (("big",), "x86_64", "image-1")


@pytest.mark.parametrize(
    ("region", "options", "text", "hint"),
    [
        (Region("toy", "easy"), (), "toy:easy is no region of Toy Cloud", "did you mean east?"),
        (EAST, (SiteOption("toy", "instance_types", ("bigg",)),), "'bigg' is no instance type", "did you mean big?"),
        (EAST, (SiteOption("toy", "zones", ("west-a",)),), "'west-a' is no zone of toy:east", "east-a, east-b"),
        (NORTH, (SiteOption("toy", "zones", ("north-a",)),), "no zone of toy:north", "it has no zones"),
        (
            EAST,
            (SiteOption("toy", "instance_types", ("big", "arm.small")),),
            "arm.small is arm64 and big is x86_64",
            "one processor",
        ),
    ],
)
def test_what_a_cloud_does_not_have_is_refused_by_name(
    region: Region, options: tuple[SiteOption, ...], text: str, hint: str
) -> None:
    with pytest.raises(InputError, match=text) as caught:
        settings(chosen(*options), region)

    assert hint in caught.value.hint


def test_private_addresses_need_a_network_that_is_there() -> None:
    with pytest.raises(InputError, match="need a network") as caught:
        settings(chosen(private_addresses=True), EAST)

    assert "--network toy:east=" in caught.value.hint
    network = SiteOption("toy:east", "existing_network", ("subnet",))
    assert settings(chosen(network, private_addresses=True), EAST).private_addresses


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (SiteOption("mars", "image", ("x",)), "no cloud 'mars'"),
        (SiteOption("toy:east", "image", ("x", "y")), "takes one value, not 2"),
        (SiteOption("toy:west", "image", ("x",)), "no gateway stands there"),
        (SiteOption("toy:nowhere", "image", ("x",)), "no region of Toy Cloud"),
        (SiteOption("toy", "permissions_boundary", ("x",)), "Toy Cloud has no such thing"),
        (SiteOption("local:a", "image", ("x",)), "this machine has no such thing"),
    ],
)
def test_a_choice_that_no_site_can_take_is_refused(option: SiteOption, text: str) -> None:
    with pytest.raises(InputError, match=text):
        check_options(chosen(option), [A, EAST])


def test_a_fact_that_the_cloud_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="no fact 'color'"):
        check_options(replace(request(), facts=(("toy", "color", "red"),)), [EAST])


@pytest.mark.parametrize(
    "twice", [{"facts": (("toy", "project", "a"), ("toy", "project", "b"))}, {"tags": (("team", "a"), ("team", "b"))}]
)
def test_what_is_said_twice_is_refused(twice: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is given twice"):
        check_options(replace(request(), **twice), [EAST])


def test_gateways_may_do_what_their_ends_need_and_nothing_else() -> None:
    asked = request(
        job(
            source=in_cloud("acc/from", "in"),
            destinations=(in_cloud("acc/to", ""), in_cloud("acc/other", "x", by="keys"), path("out", A)),
        )
    )

    assert access(asked, EAST) == {
        "job-0-source": Access("cos", "acc/from", "in/", read=True, write=False),
        "job-0-destination-0": Access("cos", "acc/to", "", read=True, write=True),
    }
    assert access(asked, WEST) == {}


def test_facts_are_looked_up_values_or_else_placeholders() -> None:
    asked = replace(request(job(source=in_cloud("acc/from", "in"))), facts=(("toy", "project", "p-1"),))

    assert facts(asked, EAST) == {"project": "p-1", "vault/acc": "vault-of-acc"}
    assert missing_facts(asked, [A, EAST, WEST]) == (MissingFact("toy", "vault/acc", "toy vault find"),)


def test_a_cloud_without_tables_takes_any_name(toy_cloud: Path) -> None:
    for name in ("regions.csv", "instances.csv"):
        (toy_cloud / name).unlink()
    sheet.cache_clear()
    asked = chosen(SiteOption("toy", "zones", ("z",)), SiteOption("toy", "instance_types", ("huge",)))

    found = settings(asked, Region("toy", "anywhere"))

    assert (found.zones, found.instance_types) == (("z",), ("huge",))
