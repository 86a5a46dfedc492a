from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.changes import RowChange, against_built_in, take_in
from skytf.catalog.tables import load
from skytf.errors import InputError
from tests.skytf.catalog.tables import table

PRICE = "aws,us-east-1,m5.8xlarge,{},,2026-07-20,karpenter-aws"
KEY = {"cloud": "aws", "region": "us-east-1", "instance_type": "m5.8xlarge"}


def test_a_row_that_says_the_same_is_no_change(tmp_path: Path) -> None:
    table(tmp_path, "instance_prices", PRICE.format("1.5360"))

    assert against_built_in(tmp_path) == []


def test_a_row_that_says_something_else_is_a_change_of_its_columns(tmp_path: Path) -> None:
    table(tmp_path, "instance_prices", PRICE.format("2"))

    assert against_built_in(tmp_path) == [
        RowChange("instance_prices", "changed", KEY, {"usd_per_hour": "1.536"}, {"usd_per_hour": "2"})
    ]


def test_steps_that_are_put_aside_are_named(tmp_path: Path) -> None:
    table(tmp_path, "egress", "aws,inet:us-ca-eu,any,internet,0,,0.04,2026-10-01,our contract")

    found = [(one.action, one.key["tier_from_gb"]) for one in against_built_in(tmp_path)]

    assert found == [("changed", "0"), ("removed", "10240"), ("removed", "51200"), ("removed", "153600")]


def test_an_import_is_as_readable_as_any_other_file(tmp_path: Path) -> None:
    row = table(tmp_path, "instance_prices", PRICE.format("2"))

    take_in([row], tmp_path / "ours")

    assert (tmp_path / "ours" / "instance_prices.csv").stat().st_mode == row.stat().st_mode


def test_an_import_merges_and_says_what_became_otherwise(tmp_path: Path) -> None:
    into = tmp_path / "mine"
    old = table(tmp_path, "instance_prices", PRICE.format("2"), "gcp,us-central1,n2-standard-16,1,,2026,x")
    take_in([old], into)
    new = table(tmp_path / "new", "instance_prices", PRICE.format("3"))

    found = take_in([new], into)

    assert found == [RowChange("instance_prices", "changed", KEY, {"usd_per_hour": "2"}, {"usd_per_hour": "3"})]
    assert [row.cells["usd_per_hour"] for row in load([str(into)]).rows("instance_prices") if row.origin] == ["3", "1"]
    assert [path.name for path in into.iterdir()] == ["instance_prices.csv"]


def test_the_same_import_twice_changes_nothing(tmp_path: Path) -> None:
    into, path = tmp_path / "mine", table(tmp_path, "instance_prices", PRICE.format("2"))
    take_in([path], into)
    first = (into / "instance_prices.csv").read_bytes()

    assert take_in([path], into) == []
    assert (into / "instance_prices.csv").read_bytes() == first


def test_nothing_is_written_where_one_of_the_files_is_wrong(tmp_path: Path) -> None:
    good = table(tmp_path, "instance_prices", PRICE.format("2"))
    bad = table(tmp_path, "addresses", "aws,any,-1,2026,x")

    with pytest.raises(InputError, match="-1 is negative"):
        take_in([good, bad], tmp_path / "mine")

    assert not (tmp_path / "mine").exists()


def test_a_group_that_no_region_is_in_is_not_imported(tmp_path: Path) -> None:
    path = table(tmp_path, "egress", "aws,ours:home,any,internet,0,,0.04,2026-10-01,x")

    with pytest.raises(InputError, match="no region is in a group 'ours:home'"):
        take_in([path], tmp_path / "mine")

    assert not (tmp_path / "mine").exists()


def test_a_directory_that_cannot_be_written_is_named_and_keeps_what_it_had(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")

    with pytest.raises(InputError, match="mine cannot be written") as caught:
        take_in([table(tmp_path, "instance_prices", PRICE.format("2"))], tmp_path / "mine")

    assert "--into" in caught.value.hint
    assert (tmp_path / "mine").read_text() == "a file"
