from __future__ import annotations

import pytest

from skytf.cli.copies import copy_of, options_of
from skytf.errors import InputError
from skytf.model.copy import Options, Target

S3, OTHER, PATH = "s3://b/x", "s3://c/y", "/data"


def test_nothing_given_means_every_default() -> None:
    found = copy_of(PATH, [S3], {"dst_endpoint_url": (), "recursive": False})

    assert found.source == Target(PATH)
    assert found.destinations == (Target(S3),)
    assert options_of({"instances": None, "shapes": (), "chunk_size": None}) == Options()


def test_a_general_endpoint_is_for_the_stores_and_not_for_paths() -> None:
    found = copy_of(PATH, [S3, "/backup"], {"endpoint_url": "http://e", "profile": "p"})

    assert found.source == Target(PATH)
    assert found.destinations == (Target(S3, "http://e", "p"), Target("/backup"))


def test_the_more_particular_option_wins() -> None:
    given = {"endpoint_url": "http://e", "src_endpoint_url": "http://s", "dst_endpoint_url": ("http://d",)}

    found = copy_of(S3, [OTHER], given)

    assert found.source.endpoint_url == "http://s"
    assert found.destinations[0].endpoint_url == "http://d"


def test_one_value_is_for_all_destinations() -> None:
    found = copy_of(PATH, [S3, OTHER], {"dst_profile": ("p",), "dst_region": ("local:b",)})

    assert [(one.profile, one.region) for one in found.destinations] == [("p", "local:b")] * 2


def test_a_value_for_each_destination_goes_by_their_order() -> None:
    found = copy_of(
        PATH, [S3, OTHER], {"dst_endpoint_url": ("http://1", "http://2"), "dst_region": ("local:b", "local:c")}
    )

    assert [(one.endpoint_url, one.region) for one in found.destinations] == [
        ("http://1", "local:b"),
        ("http://2", "local:c"),
    ]


def test_an_endpoint_given_to_one_path_is_kept_for_the_client_to_refuse() -> None:
    found = copy_of(S3, [PATH], {"dst_endpoint_url": ("http://d",)})

    assert found.destinations[0].endpoint_url == "http://d"


@pytest.mark.parametrize("name", ["dst_endpoint_url", "dst_profile", "dst_region"])
def test_any_other_number_of_values_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="given 2 times for 3 destinations") as raised:
        copy_of(PATH, [S3, OTHER, "s3://d"], {name: ("1", "2")})

    assert f"--{name.replace('_', '-')}" in raised.value.hint


def test_options_take_the_names_that_the_model_has() -> None:
    found = options_of({"chunk_size": 5, "threshold": 7, "max_duration": 90, "if_exists": "skip", "recursive": True})

    assert found == Options(chunk_bytes=5, threshold_bytes=7, max_duration_minutes=90, if_exists="skip")
