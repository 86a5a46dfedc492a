from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.tables import user_directory
from tests.skytf.catalog.tables import table
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import FakeClient

DEARER = "aws,us-east-1,m5.8xlarge,2.5,,2026-10-01,our bill"


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has settings of its own: import writes there."""
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / "settings" / name)


def test_without_a_table_those_there_are_are_listed(run: Run) -> None:
    result = run("catalog", "show")

    assert result.exit_code == 0
    assert "instance_prices" in result.stdout
    assert "round-trip times" in result.stdout


def test_a_row_is_shown_with_date_source_and_whose_it_is(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path / "ours", "instance_prices", DEARER)
    asked = ("catalog", "show", "instance_prices", "--cloud", "aws", "--region", "us-east-1", "--json")

    ours = {line["cells"]["instance_type"]: line for line in lines_of(run(*asked, "--catalog", str(path.parent)))}
    theirs = {line["cells"]["instance_type"]: line for line in lines_of(run(*asked))}

    assert ours["m5.8xlarge"]["origin"] == str(path)
    assert ours["m5.8xlarge"]["cells"]["source"] == "our bill"
    assert (theirs["m5.8xlarge"]["origin"], theirs["m5.8xlarge"]["cells"]["date"]) == ("", "2026-07-20")
    assert set(ours) == set(theirs)


def test_ends_are_found_by_site_and_by_cloud(run: Run) -> None:
    found = lines_of(run("catalog", "show", "rtt", "--from", "aws:us-east-1", "--to", "gcp", "--json"))

    assert {line["cells"]["from"] for line in found} == {"aws:us-east-1"}
    assert {line["cells"]["to"].split(":")[0] for line in found} == {"gcp"}


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("aws:us-east-1", {"us-east-1", "inet:us-ca-eu", "xr:us-ca-eu", "any"}),
        ("inet:us-ca-eu", {"inet:us-ca-eu"}),
        ("us-east-1", {"us-east-1"}),
        ("cloudflare", {"any"}),
    ],
)
def test_egress_from_a_region_is_that_of_its_groups_too(run: Run, place: str, names: set[str]) -> None:
    found = lines_of(run("catalog", "show", "egress", "--from", place, "--json"))

    assert {line["cells"]["from"] for line in found} == names


def test_what_is_shown_to_people_has_a_line_for_each_row(run: Run) -> None:
    lines = run("catalog", "show", "addresses").stdout.splitlines()

    assert lines[0].split() == ["CLOUD", "REGION", "USD_PER_HOUR", "DATE", "SOURCE", "YOURS"]
    assert [line.split()[:3] for line in lines[1:3]] == [["aws", "any", "0.005"], ["azure", "any", "0.005"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "egres"), "the catalog has no table 'egres'"),
        (("show", "rtt", "--cloud", "aws"), "rtt has no column 'cloud'"),
        (("show", "--cloud", "aws"), "rows of which table?"),
        (("show", "rtt", "--catalog", "nowhere"), "nowhere is no directory"),
        (("show", "disks", "--cloud", "awz"), "there is no cloud 'awz'"),
        (("show", "egress", "--from", "aws:us-esat-1"), "there is no cloud or region 'aws:us-esat-1'"),
        (("import", "nowhere/egress.csv"), "nowhere/egress.csv cannot be read"),
        (("import",), "Missing argument"),
    ],
)
def test_what_cannot_be_is_exit_2_with_the_next_step(run: Run, arguments: tuple[str, ...], says: str) -> None:
    result = run("catalog", *arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert "Next: " in result.stderr


def test_nothing_found_is_said(run: Run) -> None:
    assert run("catalog", "show", "disks", "--cloud", "local").stdout.startswith("No such row")


def test_a_users_names_are_known_in_every_table(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path / "ours", "egress", "cloudflare,moon,any,internet,0,,0.04,2026-10-01,our contract")
    show = ("catalog", "show", "disks", "--cloud", "cloudflare", "--region", "moon")

    ours, theirs = run(*show, "--catalog", str(path.parent)), run(*show)

    assert (ours.exit_code, theirs.exit_code) == (0, 2)
    assert ours.stdout.startswith("No such row")
    assert "there is no region of cloudflare 'moon'" in theirs.stderr


def test_a_difference_is_exit_2_and_none_is_0(run: Run, tmp_path: Path) -> None:
    table(tmp_path / "ours", "instance_prices", DEARER)
    table(tmp_path / "same", "addresses", "gcp,any,0.005,2026-07-30,gcosts")

    differs, same = run("catalog", "diff", str(tmp_path / "ours")), run("catalog", "diff", str(tmp_path / "same"))

    assert (differs.exit_code, same.exit_code) == (2, 0)
    assert "~ instance_prices aws us-east-1 m5.8xlarge: usd_per_hour 1.536 → 2.5" in differs.stdout
    assert same.stdout == "Nothing differs from the built-in rows.\n"


def test_an_error_is_no_difference(run: Run) -> None:
    result = run("catalog", "diff", "nowhere")

    assert result.exit_code == 1
    assert "the catalog nowhere cannot be read" in result.stderr


def test_an_import_goes_where_every_plan_reads(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, "instance_prices", DEARER)

    first, second = run("catalog", "import", str(path)), run("catalog", "import", str(path))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("+ instance_prices aws us-east-1 m5.8xlarge: usd_per_hour 2.5")
    assert second.stdout.startswith("Nothing changed in ")
    assert (user_directory() / "instance_prices.csv").exists()
    assert "our bill" in run("catalog", "show", "instance_prices", "--region", "us-east-1").stdout


def test_a_wrong_file_is_named_and_not_imported(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, "addresses", "aws,any,-1,2026,x")

    result = run("catalog", "import", str(path), "--into", str(tmp_path / "mine"))

    assert result.exit_code == 2
    assert f"{path}, line 2, column usd_per_hour: -1 is negative" in result.stderr
    assert not (tmp_path / "mine").exists()


def test_a_common_option_before_the_second_word_holds(run: Run) -> None:
    result = run("catalog", "--json", "show", "timings")

    assert [line["kind"] for line in lines_of(result)] == ["catalog_row"]


def test_catalogs_reach_the_client_as_absolute_paths(
    run: Run, client: FakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path)

    run("cp", "x", "y", "--yes", "--catalog", "a", "--catalog", "b")
    run("plan", "x", "y", env={"SKYTF_CATALOG": f"a {tmp_path}/b"})

    wanted = (str(tmp_path / "a"), str(tmp_path / "b"))
    assert [options.catalogs for _, options, _ in client.named("plan")] == [wanted, wanted]
    assert [applying.catalogs for applying in client.named("applying")] == [wanted]


def test_a_catalog_may_stand_beside_a_bundle(run: Run, client: FakeClient, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "transfer.json").write_text("{}")

    result = run("apply-transfer", str(tmp_path / "bundle"), "--catalog", str(tmp_path))

    assert result.exit_code == 0, result.stderr
    assert client.named("applying")[0].catalogs == (str(tmp_path),)
