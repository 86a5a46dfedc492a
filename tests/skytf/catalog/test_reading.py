from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.reading import DATA, built_in, checked
from skytf.catalog.schema import TABLES
from skytf.errors import InputError
from tests.skytf.catalog.tables import HEADINGS, table

GOOD = "aws,us-east-1,m5.8xlarge,1.5,,2026-10-01,our bill"
LADDER = "aws,us-east-1,any,internet"
# table, rows, what the message says after the file, what the next step says
WRONG = [
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,-1.5,,2026-10-01,x"],
        "line 2, column usd_per_hour: -1.5 is negative",
        "0 or more",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,nan,,2026-10-01,x"],
        "column usd_per_hour: 'nan' is no number",
        "digits",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,inf,,2026-10-01,x"],
        "column usd_per_hour: 'inf' is no number",
        "digits",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,1e999,,2026-10-01,x"],
        "column usd_per_hour: '1e999' is no number",
        "",
    ),
    ("instance_prices", ["aws,us-east-1,m5.8xlarge,$1,,2026-10-01,x"], "column usd_per_hour: '$1' is no number", ""),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,1e300,,2026-10-01,x"],
        "column usd_per_hour: 1e300 is more than 1e+12",
        "1e+12 or less",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,\u0661,,2026-10-01,x"],
        "column usd_per_hour: '\u0661' is no number",
        "",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,,,2026-10-01,x"],
        "column usd_per_hour: there is no usd_per_hour",
        "",
    ),
    (
        "instance_prices",
        [GOOD, "aws,us-esat-1,m5.8xlarge,1,,2026-10-01,x"],
        "line 3, column region: aws:us-esat-1 is no region",
        "us-east-1",
    ),
    (
        "instance_prices",
        ["awz,us-east-1,m5.8xlarge,1,,2026-10-01,x"],
        "column cloud: there is no cloud 'awz'",
        "aws, azure",
    ),
    ("instance_prices", ["local,a,m5.8xlarge,1,,2026-10-01,x"], "column cloud: there is no cloud 'local'", ""),
    (
        "instance_prices",
        ["aws,us-east-1,m5.9xlarge,1,,2026-10-01,x"],
        "column instance_type: 'm5.9xlarge' is no instance",
        "m5.8xlarge",
    ),
    ("instance_prices", ["cloudflare,any,m5.8xlarge,1,,2026-10-01,x"], "cloudflare has no instances", ""),
    ("instance_prices", ["aws,us-east-1,m5.8xlarge,1,,,x"], "column date: there is no date", "2026-11-22"),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,1,,22.11.2026,x"],
        "column date: '22.11.2026' is no date",
        "2026-11-22",
    ),
    (
        "instance_prices",
        ["aws,us-east-1,m5.8xlarge,1,,2026-02-30,x"],
        "column date: there is no day 2026-02-30",
        "2026-11-22",
    ),
    ("instance_prices", ["aws,us-east-1,m5.8xlarge,1,,2026-13,x"], "column date: there is no day 2026-13", ""),
    ("instance_prices", ["aws,us-east-1,m5.8xlarge,1,,2026-10-01,"], "column source: there is no source", ""),
    ("instance_prices", ["aws,us-east-1,m5.8xlarge,1,,2026-10-01,\x1b[2J"], "column source: '\\x1b[2J' holds", ""),
    ("instance_prices", [GOOD, GOOD], "line 3: aws us-east-1 m5.8xlarge stands in line 2 already", "leave one"),
    ("instance_prices", [GOOD + ",more"], "line 2: 8 cells under 7 columns", "double quotes"),
    ("regions", ["aws,us-east-1,x,91,0,asia,2026,x"], "column latitude: 91 is more than 90", "90 or less"),
    ("regions", ["aws,us-east-1,x,0,-181,asia,2026,x"], "column longitude: -181 is less than -180", "-180 or more"),
    ("regions", ["aws,us-east-1,x,0,0,atlantis,2026,x"], "column continent: 'atlantis' is none of", "africa, asia"),
    (
        "throughput",
        ["us-east-1,aws:us-east-2,external,5,2026,x"],
        "column from: 'us-east-1' is not a region",
        "cloud:region",
    ),
    ("throughput", ["aws:us-east-1,aws:nowhere,external,5,2026,x"], "column to: aws:nowhere is no region of AWS", ""),
    (
        "throughput",
        ["aws:us-east-1,aws:us-east-2,outside,5,2026,x"],
        "column addresses: 'outside' is none of",
        "external",
    ),
    ("egress", ["aws,us-east-1,somewhere,internet,0,,0.1,2026,x"], "column to: aws:somewhere is no region", ""),
    (
        "egress",
        [f"{LADDER},5,,0.1,2026,x"],
        "line 2, column tier_from_gb: the step from 5 GB leaves a gap",
        "begins at 0",
    ),
    (
        "egress",
        [f"{LADDER},0,10,0.1,2026,x", f"{LADDER},20,,0.1,2026,x"],
        "line 3, column tier_from_gb: the step from 20 GB leaves a gap: nothing is said from 10 GB on",
        "",
    ),
    (
        "egress",
        [f"{LADDER},0,10,0.1,2026,x", f"{LADDER},5,,0.1,2026,x"],
        "line 3, column tier_from_gb: the step from 5 GB overlaps",
        "",
    ),
    (
        "egress",
        [f"{LADDER},0,,0.1,2026,x", f"{LADDER},5,,0.1,2026,x"],
        "line 3, column tier_from_gb: the step from 5 GB overlaps",
        "",
    ),
    ("egress", [f"{LADDER},0,0,0.1,2026,x"], "the step from 0 GB is empty", ""),
]


@pytest.mark.parametrize(("name", "rows", "says", "next_step"), WRONG, ids=[one[2][:60] for one in WRONG])
def test_a_wrong_row_is_named_with_line_column_reason_and_next_step(
    tmp_path: Path, name: str, rows: list[str], says: str, next_step: str
) -> None:
    path = table(tmp_path, name, *rows)

    with pytest.raises(InputError) as caught:
        checked(path)

    assert str(caught.value).startswith(f"{path}, line ")
    assert says in str(caught.value)
    assert caught.value.hint
    assert next_step in caught.value.hint


@pytest.mark.parametrize(
    ("name", "heading", "says", "next_step"),
    [
        ("egres", HEADINGS["egress"], "the catalog has no such table", "did you mean egress.csv?"),
        ("nothing-like-it", "x", "the catalog has no such table", "tables: regions,"),
        ("addresses", "cloud,region,usd_per_hr,date,source", "the column 'usd_per_hr' is not one of", "usd_per_hour"),
        ("addresses", "cloud,region,date,source", "the column 'usd_per_hour' is missing", "columns: cloud,"),
        ("addresses", "cloud,cloud,region,usd_per_hour,date,source", "the column 'cloud' is there twice", ""),
        ("addresses", "", "is empty", "its first line is cloud,region,usd_per_hour,date,source"),
        ("addresses", 'cloud,"region', "line 1: unexpected end of data", "CSV"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, heading: str, says: str, next_step: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text(heading)

    with pytest.raises(InputError) as caught:
        checked(path)

    assert says in str(caught.value)
    assert next_step in caught.value.hint


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv"
    path.write_bytes(b"cloud,region\xff")

    with pytest.raises(InputError, match="is not UTF-8"):
        checked(path)


def test_comments_blank_lines_and_optional_columns_may_be_there_or_not(tmp_path: Path) -> None:
    heading = "# ours\n\ncloud,region,instance_type,usd_per_hour,date,source"
    path = table(
        tmp_path, "instance_prices", "# an offer", "aws,us-east-1,m5.8xlarge,1.25,unknown,mail", heading=heading
    )

    (row,) = checked(path)

    assert (row.number("usd_per_hour"), row.number("usd_per_hour_spot")) == (1.25, None)
    assert (row.origin, row.line, row.cells["date"]) == (str(path), 5, "unknown")


def test_an_empty_cell_has_the_default_of_its_column(tmp_path: Path) -> None:
    (row,) = checked(table(tmp_path, "throughput", "aws:us-east-1,aws:us-east-2,any,5,2026,x"))

    assert row.values(("from_tier", "to_tier")) == ("premium", "premium")


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_ours_holds_to_what_a_users_must(name: str) -> None:
    rows = checked(DATA / f"{name}.csv")

    assert [row.cells for row in rows] == [row.cells for row in built_in(TABLES[name], {})]
    assert rows


def test_rows_are_found_by_columns_that_lead_and_by_others() -> None:
    leading = list(built_in(TABLES["instance_prices"], {"cloud": "gcp", "region": "us-central1"}))
    other = list(built_in(TABLES["instance_prices"], {"instance_type": "n2-standard-16", "region": "us-central1"}))

    assert {row.values(("cloud", "region")) for row in leading} == {("gcp", "us-central1")}
    assert [row.values(("cloud", "usd_per_hour")) for row in other] == [("gcp", "0.776944")]
