from __future__ import annotations

import json

import pytest

from skytf.attempts import Attempts, Bounds, bounds_of
from skytf.errors import TerraformError
from skytf.model.region import Region

SITE = Region("aws", "us-east-1")
ERROR = TerraformError("terraform apply failed", diagnostics=("words",))


def attempts(zones: tuple[str, ...], types: tuple[str, ...]) -> Attempts:
    return Attempts({SITE.slug: Bounds(SITE, zones, types)})


def test_zones_are_tried_before_types_as_the_modules_count_them() -> None:
    bounds = Bounds(SITE, ("a", "b"), ("big", "small"))

    assert [bounds.place(attempt) for attempt in range(bounds.attempts)] == [
        "zone a with big",
        "zone b with big",
        "zone a with small",
        "zone b with small",
    ]


def test_only_the_site_that_failed_goes_on() -> None:
    other = Region("aws", "eu-west-1")
    both = Attempts({one.slug: Bounds(one, ("a", "b"), ("big",)) for one in (SITE, other)})

    told = both.next([SITE.slug, SITE.slug], ERROR)

    assert both.made == {SITE.slug: 1}
    assert told == "aws:us-east-1 has no capacity in zone a with big: tried next is zone b with big"


def test_after_the_last_place_it_says_what_was_tried() -> None:
    tried = attempts(("a",), ("big", "small"))
    tried.next([SITE.slug], ERROR)

    with pytest.raises(TerraformError, match="tried zones a with big, small") as failed:
        tried.next([SITE.slug], ERROR)

    assert "--instance-type aws:us-east-1=" in failed.value.hint
    assert failed.value.diagnostics == ("words",)


def test_any_zone_has_an_end_too() -> None:
    tried = attempts((), ("big",))

    for _ in range(5):
        tried.next([SITE.slug], ERROR)
    with pytest.raises(TerraformError, match="tried 6 times, in any zone"):
        tried.next([SITE.slug], ERROR)


def test_words_that_name_no_site_are_told_as_they_are() -> None:
    tried = attempts(("a", "b"), ("big",))

    with pytest.raises(TerraformError) as failed:
        tried.next([""], ERROR)

    assert failed.value is ERROR


def test_bounds_are_those_of_the_reviewed_values() -> None:
    values = {
        "zones": ["us-east-1a"], "instance_types": ["m5.8xlarge"], "existing_network": "",
    }  # fmt: skip
    joined = values | {"existing_network": "subnet-1", "zones": []}

    found = bounds_of([SITE], json.dumps({"sites": {SITE.slug: values}}).encode())
    within = bounds_of([SITE], json.dumps({"sites": {SITE.slug: joined}}).encode())

    assert found == {SITE.slug: Bounds(SITE, ("us-east-1a",), ("m5.8xlarge",))}
    assert within[SITE.slug].attempts == 1  # a subnet is in one zone
