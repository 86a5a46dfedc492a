from __future__ import annotations

import re

import pytest

from skytf.cli.app import COMMANDS, load_command
from skytf.model.copy import Options
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_mirrored_by_a_variable_of_its_name(name: str) -> None:
    mirrored = {param.opts[0]: param.envvar for param in load_command(name).params if param.param_type_name == "option"}

    for flag, variable in mirrored.items():
        assert variable == "SKYTF_" + flag.removeprefix("--").replace("-", "_").upper()


def test_variables_are_read_and_the_command_line_wins(run: Run, client: FakeClient) -> None:
    env = {"SKYTF_INSTANCES": "3", "SKYTF_VIA": "local:r", "SKYTF_DST_PROFILE": "one two", "SKYTF_RECURSIVE": "1"}

    run("plan", "a", "s3://b", "s3://c", "--via", "local:s", env=env)

    ((copies, options, _),) = client.named("plan")
    assert (options.instances, options.via) == (3, "local:s")
    assert [one.profile for one in copies[0].destinations] == ["one", "two"]
    assert copies[0].recursive


def test_the_variable_for_yes_answers(run: Run, client: FakeClient) -> None:
    result = run("cp", "a", "b", env={"SKYTF_YES": "1"})

    assert result.exit_code == 0
    assert client.named("apply")


def test_the_variable_for_json_holds_for_wrong_usage_too(run: Run) -> None:
    result = run("cp", "--bogus", env={"SKYTF_JSON": "true"})

    assert result.stdout.startswith('{"kind": "error"')


def test_the_defaults_in_the_help_are_those_of_the_model() -> None:
    shown = {
        param.name: match[1]
        for param in load_command("cp").params
        if (match := re.search(r"\[default: (\w+)\]", getattr(param, "help", "") or ""))
    }
    options = Options()

    assert shown == {
        "instances": "1",
        "connections": str(options.connections),
        "chunk_size": f"{options.chunk_bytes >> 20}MiB",
        "threshold": f"{options.threshold_bytes >> 20}MiB",
        "if_exists": options.if_exists,
        "compression": options.compression,
        "source_drift": options.source_drift,
    }
