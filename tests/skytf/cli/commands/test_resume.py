from __future__ import annotations

from skytf.errors import InputError
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import INCOMPLETE, FakeClient


def test_without_an_id_it_is_the_latest(run: Run, client: FakeClient) -> None:
    result = run("resume")

    assert client.named("resume") == [None]
    assert result.stdout.startswith("✓ Done")


def test_an_id_names_the_transfer_and_its_outcome_is_the_exit_code(run: Run, client: FakeClient) -> None:
    client.ending = INCOMPLETE

    result = run("resume", "t-0001")

    assert client.named("resume") == ["t-0001"]
    assert result.exit_code == 6


def test_nothing_unfinished_is_said_and_no_error(run: Run, client: FakeClient) -> None:
    client.ending = None
    client.play = lambda hooks: None

    result = run("resume")

    assert (result.exit_code, result.output) == (0, "Nothing is unfinished.\n")


def test_a_plan_that_nobody_approved_yet_needs_a_yes(run: Run, client: FakeClient) -> None:
    client.unapproved = True

    assert run("resume").exit_code == 2
    assert run("resume", "--yes").exit_code == 0


def test_an_unknown_id_is_wrong_input(run: Run, client: FakeClient) -> None:
    client.error = InputError("there is no transfer t-9", hint="skytf transfers lists them")

    assert run("resume", "t-9").exit_code == 2


def test_only_what_is_given_changes_how_the_fleet_is_reached(run: Run, client: FakeClient) -> None:
    run("resume", "t-0001", "--echo-service", "off")
    run("resume", "t-0001")

    assert client.named("changing") == [{"echo_service": ""}, {}]
