from __future__ import annotations

from pathlib import Path

from skytf.model.difference import Difference
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import PLAN_MD, FakeClient


def test_it_shows_the_plan_and_writes_nothing_by_itself(run: Run, client: FakeClient) -> None:
    result = run("plan", "a", "b")

    ((_, _, out),) = client.named("plan")
    assert result.exit_code == 0
    assert out is None
    assert result.stdout == PLAN_MD
    assert client.named("apply") == []


def test_out_is_where_the_client_writes_the_bundle(run: Run, client: FakeClient, tmp_path: Path) -> None:
    out = tmp_path / "my bundle"

    result = run("plan", "a", "b", "--out", str(out))

    assert client.named("plan")[0][2] == out
    assert result.stdout.endswith(f"Bundle: {out}\nNext: skytf apply-transfer '{out}'\n")


def test_a_dry_run_leaves_out_alone(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b", "--out", "somewhere", "--dry-run")

    assert client.named("plan")[0][2] is None


def test_json_holds_the_plan_as_data_and_as_text(run: Run) -> None:
    *_, plan = lines_of(run("plan", "a", "b", "--out", "somewhere", "--json"))

    assert plan["directory"] == "somewhere"
    assert plan["text"] == PLAN_MD
    assert plan["topology"] == {"gateways": []}


def test_against_is_the_bundle_that_it_is_compared_with(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b", "--against", "old bundle")
    run("plan", "a", "b")

    assert client.named("against") == [Path("old bundle"), None]


def test_the_detailed_exit_code_is_terraforms(run: Run, client: FakeClient) -> None:
    different = run("plan", "a", "b", "--against", "old", "--detailed-exitcode")
    client.difference = Difference("00ff")
    same = run("plan", "a", "b", "--against", "old", env={"SKYTF_DETAILED_EXITCODE": "1"})
    plain = run("plan", "a", "b", "--against", "old")
    client.difference = None
    alone = run("plan", "a", "b", "--detailed-exitcode")

    codes = [one.exit_code for one in (different, same, plain, alone)]

    assert codes == [2, 0, 0, 2]
