from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.tables import load, table_named, user_directory
from skytf.errors import InputError
from tests.skytf.catalog.tables import table


def prices(*directories: Path) -> dict[str, str]:
    """Return what m5.8xlarge costs in each region where it is not what we say."""
    return {
        row.cells["region"]: row.cells["usd_per_hour"]
        for row in load([str(one) for one in directories]).rows("instance_prices", instance_type="m5.8xlarge")
        if row.origin
    }


def test_a_users_row_stands_before_ours_and_the_last_directory_before_the_others(tmp_path: Path) -> None:
    row = "aws,{},m5.8xlarge,{},,2026-10-01,our bill"
    table(tmp_path / "a", "instance_prices", row.format("us-east-1", 1), row.format("us-east-2", 2))
    table(tmp_path / "b", "instance_prices", row.format("us-east-1", 3))

    assert prices(tmp_path / "a", tmp_path / "b") == {"us-east-1": "3", "us-east-2": "2"}
    assert prices(tmp_path / "b", tmp_path / "a") == {"us-east-1": "1", "us-east-2": "2"}


def test_only_what_a_users_rows_replace_is_gone(tmp_path: Path) -> None:
    table(tmp_path, "instance_prices", "aws,us-east-1,m5.8xlarge,1,,2026-10-01,our bill")
    catalog = load([str(tmp_path)])

    assert len(catalog.rows("instance_prices")) == len(load().rows("instance_prices"))
    here = catalog.rows("instance_prices", cloud="aws", region="us-east-1", instance_type="m5.8xlarge")
    assert [row.cells["usd_per_hour"] for row in here] == ["1"]


def test_the_steps_of_a_price_are_replaced_together(tmp_path: Path) -> None:
    table(tmp_path, "egress", "aws,inet:us-ca-eu,any,internet,0,,0.04,2026-10-01,our contract")

    rows = load([str(tmp_path)]).rows("egress", cloud="aws", from_="inet:us-ca-eu")

    assert [row.cells["usd_per_gb"] for row in rows] == ["0.04"]


def test_the_users_own_directory_is_read_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / name)
    row = "aws,us-east-1,m5.8xlarge,{},,2026-10-01,our bill"

    before = load().directories
    table(user_directory(), "instance_prices", row.format(7))
    table(tmp_path / "named", "instance_prices", row.format(8))

    assert before == ()
    assert prices() == {"us-east-1": "7"}
    assert prices(tmp_path / "named") == {"us-east-1": "8"}


def test_a_group_that_no_region_is_in_is_refused(tmp_path: Path) -> None:
    table(tmp_path, "egress", "aws,inet:us-ca-ue,any,internet,0,,0.04,2026-10-01,x")

    with pytest.raises(InputError, match="line 2, column from: no region is in a group 'inet:us-ca-ue'") as caught:
        load([str(tmp_path)])

    assert caught.value.hint == "did you mean inet:us-ca-eu?"


def test_a_group_of_the_users_own_is_known(tmp_path: Path) -> None:
    table(tmp_path, "groups", "aws,us-east-1,ours:home,2026-10-01,x")
    table(tmp_path, "egress", "aws,ours:home,any,internet,0,,0.04,2026-10-01,x")

    assert load([str(tmp_path)]).row("egress", from_="ours:home") is not None


def test_a_named_directory_without_tables_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / name)
    user_directory().mkdir(parents=True)
    table(tmp_path / "ours", "addresses", "gcp,any,0.1,2026-10-01,our bill")
    (tmp_path / "our").mkdir()
    (tmp_path / "our" / "README.md").touch()

    assert load([str(tmp_path / "ours")]).directories == (tmp_path / "ours", user_directory())
    with pytest.raises(InputError, match=r"the catalog .*/our has no table") as raised:
        load([str(tmp_path / "our"), str(tmp_path / "ours")])

    assert "egress.csv" in raised.value.hint


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        load([str(tmp_path / "none")])

    assert "docs/catalog.md" in caught.value.hint


def test_what_is_no_csv_is_passed_over_and_another_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("why")
    table(tmp_path, "addresses", "gcp,any,0.1,2026-10-01,our bill")
    load([str(tmp_path)])
    (tmp_path / "prices.csv").write_text("x")

    with pytest.raises(InputError, match=r"prices\.csv: the catalog has no such table"):
        load([str(tmp_path)])


def test_an_unknown_table_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="no table 'price'") as caught:
        table_named("price")

    assert "egress" in caught.value.hint
