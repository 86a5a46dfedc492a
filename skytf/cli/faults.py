"""
Errors as people and scripts see them: what failed and why, the next step, the exit code.

The table below is the whole mapping; `skytf.errors` carry their codes themselves.
"""

from __future__ import annotations

import signal
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import rich_click as click

from gateway.errors import AccessDenied, BucketMissing, GatewayError, ObjectMissing, UsageError
from skytf.cli.text import safe, safe_lines
from skytf.errors import PolicyDenied, SkytfError, TerraformError

if TYPE_CHECKING:
    from skytf.cli.session import Session

# First match counts. What the user named cannot be read as named: wrong input, like a wrong flag.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, 2),
    (BucketMissing, 2),
    (ObjectMissing, 2),
    (AccessDenied, 2),
    (GatewayError, 1),
    (click.UsageError, 2),
    (click.ClickException, 1),
    (OSError, 1),
    (KeyboardInterrupt, 128 + signal.SIGINT),
)
# Where 2 says "differs", whatever failed ends with 1, as Terraform's does; a policy's no and a signal keep their codes.
_NOT_OF_THEIR_OWN = range(2, 8)


@dataclass(frozen=True, slots=True)
class Fault:
    """One error, ready to be shown; ``diagnostics`` are Terraform's own words, or the rules of policies it breaks."""

    type: str
    error: str
    hint: str
    exit_code: int
    diagnostics: tuple[str, ...] = ()


def explain(error: BaseException) -> Fault:
    """Return what to say about *error*."""
    name = type(error).__name__
    if isinstance(error, SkytfError):
        return Fault(name, str(error), error.hint, error.exit_code, _details(error))
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
    text, hint = _words(error)
    return Fault(name, text, hint, code)


def tell(error: BaseException, session: Session) -> int:
    """Show *error* the way *session* talks and return its exit code."""
    fault = explain(error)
    if session.two_differs and fault.exit_code in _NOT_OF_THEIR_OWN:
        fault = replace(fault, exit_code=1)
    if session.debug:
        session.messages.print(safe_lines("".join(traceback.format_exception(error))), style="dim")
    if session.json:
        for violation in error.violations if isinstance(error, PolicyDenied) else ():
            session.lines.write("violation", violation)
        session.lines.write("error", fault)
        return fault.exit_code
    session.messages.print("[bold red]Error:[/] ", end="", markup=True)
    session.messages.print(safe(fault.error))
    for diagnostic in fault.diagnostics:
        session.messages.print(safe_lines(diagnostic))
    if fault.hint:
        session.messages.print("[bold]Next:[/] ", end="", markup=True)
        session.messages.print(safe(fault.hint))
    return fault.exit_code


def _details(error: SkytfError) -> tuple[str, ...]:
    if isinstance(error, PolicyDenied):
        return tuple(f"{one.policy}: {one}" for one in error.violations)
    return error.diagnostics if isinstance(error, TerraformError) else ()


def _words(error: BaseException) -> tuple[str, str]:
    """Return message and hint of an error that is not skytf's own."""
    match error:
        case GatewayError():
            return str(error), error.hint
        case click.UsageError():
            return error.format_message(), f"{error.ctx.command_path if error.ctx else 'skytf'} --help"
        case click.ClickException():
            return error.format_message(), ""
        case OSError():
            return _os_error(error), ""
        case KeyboardInterrupt():
            return "interrupted", "skytf transfers shows whether anything is unfinished"
    return (
        f"this is a bug in skytf: {type(error).__name__}: {error}",
        "run the same with --debug and report what it prints; skytf transfers shows whether anything is unfinished",
    )


def _os_error(error: OSError) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([*names, error.strerror or str(error)])
