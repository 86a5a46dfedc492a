from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from skytf.cli.app import COMMANDS, load_command
from tests.skytf.cli.conftest import Run, lines_of
from tests.skytf.cli.fake import FakeClient

# What `skytf --help` must not import: each costs more than the help itself.
HEAVY = ("skytf.client", "skytf.model", "boto3", "asyncssh", "fabric", "msgspec", "rich.live", "rich.markdown")


def test_help_lists_every_command_in_the_order_of_the_table(run: Run) -> None:
    result = run("--help")

    places = [result.output.index(f"│ {name} ") for name in COMMANDS]
    assert result.exit_code == 0
    assert places == sorted(places)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom skytf.cli import app\n"
        "try:\n    app.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "apply-transfer" in found.stdout
    assert not [name for name in HEAVY if name in found.stderr.split()]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_help_is_how_the_command_itself_begins(name: str) -> None:
    command = load_command(name)

    assert command.name == name
    assert inspect.cleandoc(command.help or "").splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_accepts_the_common_options(name: str) -> None:
    flags = {flag for param in load_command(name).params for flag in param.opts}

    assert {"--yes", "-y", "--json", "--debug", "--home", "--terraform"} <= flags


def test_version_names_the_program(run: Run) -> None:
    result = run("--version")

    assert result.exit_code == 0
    assert result.output.startswith("skytf 0.")


def test_the_module_runs_as_a_program() -> None:
    found = subprocess.run([sys.executable, "-m", "skytf", "cpp"], capture_output=True, text=True, check=False)

    assert found.returncode == 2
    assert "No such command 'cpp'" in found.stderr
    assert "Next: skytf --help" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [("cp",), ("cp", "a"), ("cp", "a", "b", "--bogus"), ("cp", "a", "b", "--chunk-size", "big"), ("plan", "a")],
)
def test_wrong_usage_is_exit_2_with_the_next_step_and_no_call(
    run: Run, client: FakeClient, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert f"Next: skytf {arguments[0]} --help" in result.stderr
    assert client.calls == []


def test_wrong_usage_is_one_line_of_json_where_json_was_asked_for(run: Run) -> None:
    result = run("cp", "a", "b", "--bogus", "--json")

    (error,) = lines_of(result)
    assert result.stderr == ""
    assert error["kind"] == "error"
    assert error["exit_code"] == result.exit_code == 2


def test_home_and_terraform_reach_the_client(run: Run, client: FakeClient) -> None:
    run("transfers", "--home", "/some/home", "--terraform", "/opt/tofu")

    ((home, engine),) = client.named("client")
    assert (str(home), engine) == ("/some/home", "/opt/tofu")


def test_what_libraries_warn_their_developers_of_is_not_shown() -> None:
    script = (
        "import warnings\nfrom skytf import __main__\nfrom skytf.cli import app\n"
        "app.main = lambda **_: (warnings.warn('PySocks is missing', UserWarning), exit())\n"
        "__main__.main()"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stderr == ""
