"""The `skytf` command: loads the command that was asked for; turns every error into words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError

from skytf import __version__
from skytf.cli.faults import tell
from skytf.cli.session import Session

# One line per command, as `skytf --help` shows it. Its module is imported when the command is used.
COMMANDS: dict[str, str] = {
    "cp": "Copy objects: plan, ask, create the fleet, move, verify, destroy.",
    "plan": "Show what a transfer would create; with --out write it down as a bundle.",
    "diff": "Say what became different between two bundles.",
    "apply-transfer": "Apply a reviewed bundle, or plan and apply in one step.",
    "resume": "Go on with an unfinished transfer.",
    "reap": "Remove fleets that a lost client left behind.",
    "transfers": "List the transfers of this home.",
    "report": "Set what a transfer used and cost beside what was predicted.",
    "verify": "Read both ends and compare every object.",
    "permissions": "Print what your credentials must be allowed, as a policy document.",
    "catalog": "Show, compare and add to the prices and measurements that plans rest on.",
    "doctor": "Look at what skytf needs on this machine and in the clouds.",
}


class App(click.RichGroup):
    """A group whose commands are modules, imported on use: `skytf --help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the commands in the order of the table, not of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command itself in the place of its line of help."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub and load_command(stub.name or ""), rest

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run one command and exit with the code that docs/cli.md lists for what happened."""
        arguments = list(sys.argv[1:] if args is None else args)
        session = extra.pop("obj", None) or Session()
        extra.pop("standalone_mode", None)
        self._main_shell_completion(extra, prog_name or "skytf")
        try:
            with self.make_context(prog_name or "skytf", arguments.copy(), obj=session, **extra) as context:
                self.invoke(context)
            code = 0
        except Exit as done:
            code = done.exit_code
        except NoArgsIsHelpError as shown:
            print(shown.message)  # noqa: T201  # rich_click has rendered the help already
            code = shown.exit_code
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the one place where errors become words
            session.json = session.json or _switched_on("--json", arguments)
            session.two_differs = _two_differs(arguments)
            code = tell(error, session)
        sys.exit(code)


def load_command(name: str) -> click.Command:
    """Return the command *name* of the table."""
    command: click.Command = import_module(f"skytf.cli.commands.{name.replace('-', '_')}").command
    return command


def _switched_on(switch: str, arguments: list[str]) -> bool:
    """Whether *switch* is given on a command line that perhaps could not be parsed, or by its variable."""
    variable = "SKYTF_" + switch.removeprefix("--").replace("-", "_").upper()
    return switch in arguments or os.environ.get(variable, "").lower() in {"1", "true", "yes", "on", "t", "y"}


def _two_differs(arguments: list[str]) -> bool:
    """Whether the exit code 2 says that something differs, on a command line that perhaps could not be parsed."""
    command, words = arguments[:1], [one for one in arguments if not one.startswith("-")]
    if command == ["diff"] or words[:2] == ["catalog", "diff"]:
        return True
    return command == ["plan"] and _switched_on("--detailed-exitcode", arguments)


app = App(
    name="skytf",
    help="Move bulk data between object stores through gateways that Terraform creates, and destroys again.",
    epilog="Every option is also a variable: SKYTF_INSTANCES=2 is --instances 2. Exit codes and JSON: docs/cli.md.",
    commands={name: click.RichCommand(name=name, help=line) for name, line in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
click.version_option(__version__, package_name="skytf", message="skytf %(version)s")(app)
