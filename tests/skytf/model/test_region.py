from __future__ import annotations

import pytest

from skytf.errors import InputError
from skytf.model.region import Region


def test_a_region_reads_as_it_is_written() -> None:
    region = Region.parse("aws:us-east-1")

    assert region == Region("aws", "us-east-1")
    assert str(region) == "aws:us-east-1"
    assert region.slug == "aws-us-east-1"


@pytest.mark.parametrize("text", ["", "aws", "aws:", ":a", "AWS:a", "aws:a b", "aws:a\n", "aws:../x", 'aws:"'])
def test_what_is_no_region_is_wrong_input(text: str) -> None:
    with pytest.raises(InputError, match="is not a region"):
        Region.parse(text)


def test_regions_sort_by_cloud_then_name() -> None:
    regions = [Region.parse(text) for text in ("gcp:a", "aws:b", "aws:a")]

    assert [str(one) for one in sorted(regions)] == ["aws:a", "aws:b", "gcp:a"]
