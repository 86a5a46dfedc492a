"""
Every error of the control plane; the exit code is part of the type.

::

    SkytfError                1  failed
    ├─ InputError             2  wrong usage or input
    ├─ NoTopology             3  no topology meets the constraints
    ├─ TerraformError         4  terraform failed; carries its diagnostics as Terraform wrote them
    │  └─ EngineMissing       4  no Terraform to be found
    ├─ HostError              5  a host could not be prepared
    ├─ ObjectsMissing         6  some objects did not arrive; the report names them
    ├─ Refused                7  what was reviewed is not what is
    ├─ PolicyDenied           8  a policy says no; carries every rule that is broken
    ├─ TransferFailed         1  the fleet could not go on
    └─ Interrupted        130/143  stopped in order by SIGINT or SIGTERM, fleet destroyed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skytf.model.policy import Violation


class SkytfError(Exception):
    """What failed, on which object and why; *hint* says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InputError(SkytfError):
    """Wrong usage or input."""

    exit_code = 2


class NoTopology(SkytfError):
    """No topology meets the constraints."""

    exit_code = 3


class TerraformError(SkytfError):
    """Terraform failed; ``diagnostics`` are its own words, with file and line."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", diagnostics: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics


class EngineMissing(TerraformError):
    """No Terraform to be found."""


class HostError(SkytfError):
    """A host could not be prepared."""

    exit_code = 5


class ObjectsMissing(SkytfError):
    """Some objects did not arrive; the report names them."""

    exit_code = 6


class Refused(SkytfError):
    """What was reviewed is not what is."""

    exit_code = 7


class PolicyDenied(SkytfError):
    """A policy says no; ``violations`` are all the rules that are broken."""

    exit_code = 8

    def __init__(self, message: str, *, hint: str = "", violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.violations = violations


class TransferFailed(SkytfError):
    """The fleet could not go on."""


class Interrupted(SkytfError):
    """Stopped in order by a signal; ``exit_code`` is 128 plus its number."""

    def __init__(self, message: str, *, signal_number: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number
