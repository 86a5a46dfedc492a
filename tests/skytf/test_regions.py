from __future__ import annotations

import pytest

from gateway.stores.base import StoreSpec
from skytf.errors import InputError
from skytf.model.region import Region
from skytf.regions import DESTINATION_REGION, SOURCE_REGION, End, access_of, parse_region, settle

pytestmark = pytest.mark.usefixtures("toy_cloud")

EAST, WEST = Region("toy", "east"), Region("toy", "west")


def end(url: str, region: str = "", *, spec: StoreSpec | None = None, profile: str = "", source: bool = True) -> End:
    scheme, _, bucket = url.partition("://")
    return End(url, spec or StoreSpec(scheme, bucket), "", profile, region, source)


def nowhere(one: End) -> Region:
    raise InputError(f"{one.url} is nowhere")


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (end("file://"), end("file://", source=False), (SOURCE_REGION, DESTINATION_REGION)),
        (end("hdfs://host"), end("file://", source=False), (SOURCE_REGION, DESTINATION_REGION)),
        (end("cos://a"), end("file://", source=False), (EAST, DESTINATION_REGION)),
        (end("cos://a", "toy:west"), end("cos://b", source=False), (WEST, EAST)),
        (end("cos://a"), end("r2://x/b", source=False), (EAST, EAST)),
        (end("r2://x/a"), end("cos://b", source=False), (EAST, EAST)),
        (end("r2://x/a"), end("r2://x/b", "toy:west", source=False), (WEST, WEST)),
        (end("file://"), end("r2://x/b", source=False), (SOURCE_REGION, SOURCE_REGION)),
        (end("hdfs://host", "toy:west"), end("cos://b", source=False), (WEST, EAST)),
    ],
)
def test_gateways_stand_at_their_stores(source: End, destination: End, expected: tuple[Region, ...]) -> None:
    assert settle([source, destination], lambda _: EAST) == expected


def test_a_store_with_an_address_of_its_own_is_reached_from_this_machine() -> None:
    own = StoreSpec("cos", "a", endpoint_url="http://127.0.0.1:9")

    assert settle([end("cos://a", spec=own), end("file://", source=False)], nowhere)[0] == SOURCE_REGION


def test_an_address_that_names_the_region_needs_no_look_up() -> None:
    spec = StoreSpec("cos", "a", region="west")

    assert settle([end("cos://a", spec=spec), end("r2://x/b", source=False)], nowhere) == (WEST, WEST)


def test_between_two_stores_that_are_everywhere_somebody_must_name_a_region() -> None:
    with pytest.raises(InputError, match="nothing says where") as caught:
        settle([end("r2://x/a"), end("r2://x/b", source=False)], nowhere)

    assert "--src-region" in caught.value.hint


def test_a_path_is_served_by_this_machine_alone() -> None:
    with pytest.raises(InputError, match="a path of this machine") as caught:
        settle([end("cos://a"), end("file://", "toy:east", source=False)], lambda _: EAST)

    assert "--dst-region" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("nowhere", "not a region", "cloud:region"),
        ("mars:east", "there is no cloud 'mars'", "local, toy"),
        ("toy:easr", "no region of Toy Cloud", "did you mean east"),
    ],
)
def test_a_region_that_cannot_be_is_refused_with_what_could(text: str, message: str, hint: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_region(text)

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("one", "region", "wish", "access"),
    [
        (end("cos://a"), EAST, "auto", "identity"),
        (end("cos://a"), EAST, "keys", "keys"),
        (end("cos://a", profile="mine"), EAST, "auto", "keys"),
        (end("cos://a", profile="mine"), EAST, "identity", "identity"),
        (end("cos://a"), SOURCE_REGION, "auto", "keys"),
        (end("r2://x/a"), EAST, "auto", "keys"),
        (end("cos://a", spec=StoreSpec("cos", "a", endpoint_url="http://127.0.0.1:9")), EAST, "auto", "keys"),
        (end("file://"), SOURCE_REGION, "identity", "keys"),
    ],
)
def test_gateways_use_their_identity_where_the_store_is_their_clouds(
    one: End, region: Region, wish: str, access: str
) -> None:
    assert access_of(one, region, wish) == access


def test_who_wants_no_keys_to_travel_is_told_where_they_would_have_to() -> None:
    with pytest.raises(InputError, match="no identity that r2://x/a knows"):
        access_of(end("r2://x/a"), EAST, "identity")
