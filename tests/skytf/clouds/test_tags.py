"""The tags that every cloud's resources carry."""

from __future__ import annotations

from skytf.clouds.base import FleetTag
from skytf.clouds.tags import EXPIRES, GATEWAY, OWNER, TRANSFER, Tagged, described, expiry_s, expiry_tag, fleets

EXPIRES_S = 1795549299.0
TAG = "2026-11-24t19-41-39z"


def tagged(name: str, **tags: str) -> Tagged:
    return Tagged("VM", name, "here", {TRANSFER: "t1", OWNER: "ann", EXPIRES: TAG, **tags})


def test_the_expiry_tag_is_read_as_terraform_writes_it() -> None:
    assert expiry_s(TAG) == EXPIRES_S
    assert expiry_tag(EXPIRES_S) == TAG


def test_what_is_no_expiry_is_none() -> None:
    assert expiry_s("") == 0.0
    assert expiry_s("tomorrow") == 0.0


def test_a_fleet_is_what_its_resources_say_together() -> None:
    resources = [
        tagged("gw-1", **{GATEWAY: "gw-1", "Name": "skytf-t1-gw-1", "team": "data"}),
        tagged("gw-0", **{GATEWAY: "gw-0", EXPIRES: expiry_tag(EXPIRES_S + 60)}),
        tagged("disk of gw-0", **{GATEWAY: "gw-0"}),
        tagged("network", **{OWNER: "", EXPIRES: ""}),
        Tagged("VM", "stranger", "here", {"team": "others"}),
    ]

    assert fleets(resources) == (FleetTag("t1", "ann", EXPIRES_S + 60, ("gw-0", "gw-1"), {"team": "data"}),)
    assert fleets(resources, "bob") == ()


def test_a_description_says_what_tags_would() -> None:
    text = f"skytf-transfer-id=t1 skytf-owner=ann skytf-expires-at={TAG}"

    assert described(text) == {TRANSFER: "t1", OWNER: "ann", EXPIRES: TAG}
    assert described("made by hand") == {}


def test_a_resource_of_another_owner_does_not_belong() -> None:
    assert tagged("gw-0").belongs_to("t1", "ann")
    assert tagged("gw-0").belongs_to("t1", None)
    assert not tagged("gw-0").belongs_to("t1", "bob")
    assert not tagged("gw-0").belongs_to("t2", None)
