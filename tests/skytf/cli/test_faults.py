from __future__ import annotations

import pytest

from gateway import errors as gateway
from skytf import errors as skytf
from skytf.cli.faults import explain
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import FakeClient

CODES = [
    (skytf.SkytfError("x"), 1),
    (skytf.InputError("x"), 2),
    (skytf.NoTopology("x"), 3),
    (skytf.TerraformError("x"), 4),
    (skytf.EngineMissing("x"), 4),
    (skytf.HostError("x"), 5),
    (skytf.ObjectsMissing("x"), 6),
    (skytf.Refused("x"), 7),
    (skytf.PolicyDenied("x"), 8),
    (skytf.TransferFailed("x"), 1),
    (skytf.Interrupted("x", signal_number=2), 130),
    (skytf.Interrupted("x", signal_number=15), 143),
    (gateway.BadUrl("x"), 2),
    (gateway.BucketMissing("x"), 2),
    (gateway.ObjectMissing("x"), 2),
    (gateway.AccessDenied("x"), 2),
    (gateway.StoreUnavailable("x"), 1),
    (gateway.StoreFull("x"), 1),
    (OSError(28, "No space left on device", "/home/x"), 1),
    (KeyboardInterrupt(), 130),
    (ZeroDivisionError("x"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda value: type(value).__name__)
def test_every_error_has_its_documented_exit_code(
    run: Run, client: FakeClient, error: BaseException, code: int
) -> None:
    client.error = error

    result = run("cp", "a", "b", "--yes")

    assert result.exit_code == code
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


def test_an_error_is_a_paragraph_and_the_next_step(run: Run, client: FakeClient) -> None:
    client.error = skytf.InputError("s3://nowhere does not exist", hint="create the bucket")

    result = run("cp", "a", "b", "--yes")

    assert result.stderr == "Error: s3://nowhere does not exist\nNext: create the bucket\n"


def test_an_error_in_json_is_the_last_line_and_complete(run: Run, client: FakeClient) -> None:
    client.error = skytf.TerraformError("apply failed", hint="look", diagnostics=("Error: no\n  on main.tf line 3:",))

    result = run("cp", "a", "b", "--yes", "--json")

    assert lines_of(result)[-1] == {
        "kind": "error",
        "type": "TerraformError",
        "error": "apply failed",
        "hint": "look",
        "exit_code": 4,
        "diagnostics": ["Error: no\n  on main.tf line 3:"],
    }


def test_terraform_speaks_for_itself(run: Run, client: FakeClient) -> None:
    diagnostic = 'Error: Invalid value\n\n  on main.tf line 3, in module "x":\n     3:   region = 1'
    client.error = skytf.TerraformError("terraform plan failed", diagnostics=(diagnostic,))

    result = run("cp", "a", "b", "--yes")

    assert diagnostic in result.stderr


def test_a_bug_says_that_it_is_one_and_how_to_see_more(run: Run, client: FakeClient) -> None:
    client.error = KeyError("oops")

    result = run("cp", "a", "b", "--yes")

    assert "this is a bug in skytf: KeyError: 'oops'" in result.stderr
    assert "--debug" in result.stderr


def test_debug_shows_the_traceback(run: Run, client: FakeClient) -> None:
    client.error = KeyError("oops")

    result = run("cp", "a", "b", "--yes", "--debug")

    assert "Traceback (most recent call last)" in result.stderr
    assert result.exit_code == 1


def test_debug_keeps_json_clean(run: Run, client: FakeClient) -> None:
    client.error = KeyError("oops")

    result = run("cp", "a", "b", "--yes", "--debug", "--json")

    assert "Traceback" in result.stderr
    assert lines_of(result)[-1]["type"] == "KeyError"


def test_an_error_cannot_move_the_cursor(run: Run, client: FakeClient) -> None:
    client.error = skytf.InputError("no such object: a\x1b[2J\nb", hint="\x07 look")

    result = run("cp", "a", "b", "--yes")

    assert "a\\x1b[2J\\x0ab" in result.stderr
    assert "\\x07 look" in result.stderr


def test_brackets_in_an_error_are_no_markup(run: Run, client: FakeClient) -> None:
    client.error = skytf.InputError("[bold]data[/bold] [/] is missing")

    result = run("cp", "a", "b", "--yes")

    assert "[bold]data[/bold] [/] is missing" in result.stderr


def test_an_error_of_the_system_names_the_file() -> None:
    fault = explain(PermissionError(13, "Permission denied", "/home/x"))

    assert fault.error == "/home/x: Permission denied"
