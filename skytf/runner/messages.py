"""The lines of ``terraform … -json`` as typed messages; never raises on what a newer Terraform may add."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from skytf.runner.diagnostics import Diagnostic, parse_diagnostic


@dataclass(frozen=True, slots=True)
class Version:
    """The engine says who it is, first."""

    terraform: str
    text: str


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """
    A step in the life of one resource.

    ``stage`` is ``planned``, ``start``, ``progress``, ``complete`` or ``errored``; ``action`` is Terraform's:
    ``create``, ``update``, ``delete``, ``replace``, ``read``, ``noop``. ``elapsed_s`` counts from
    the start of the step.
    """

    stage: str
    address: str
    action: str
    elapsed_s: int = 0


@dataclass(frozen=True, slots=True)
class Provision:
    """
    A provisioner of a resource; ``stage`` is ``start``, ``progress``, ``complete`` or ``errored``.

    ``output`` is one line of what it printed (stage ``progress``).
    """

    stage: str
    address: str
    provisioner: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """How much is to be done (``operation`` is ``plan``) or was done (``apply``, ``destroy``)."""

    operation: str
    add: int
    change: int
    remove: int


@dataclass(frozen=True, slots=True)
class Outputs:
    """The names of the outputs; their values come from `Terraform.output`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """A line that has no type of its own here; ``kind`` is Terraform's word for it, empty for plain text."""

    kind: str
    text: str


Message = Version | ResourceChange | Provision | ChangeSummary | Outputs | Diagnostic | Other


def parse_line(line: str) -> Message:
    """Return the message that one *line* of output holds."""
    try:
        raw = json.loads(line)
    except ValueError:
        return Other("", line.rstrip("\r\n"))
    if not isinstance(raw, dict):
        return Other("", line.rstrip("\r\n"))
    try:
        return _message(str(raw.get("type", "")), raw)
    except (AttributeError, TypeError, ValueError, KeyError):
        # A field has another shape than every version we know gives it: the words still stand.
        return _other(raw)


def _message(kind: str, raw: Mapping[str, Any]) -> Message:
    family, _, stage = kind.rpartition("_")
    if stage in _STAGES and family in _HOOKS:
        return _HOOKS[family](stage, raw["hook"])
    read = _READERS.get(kind, _other)
    return read(raw)


def _version(raw: Mapping[str, Any]) -> Message:
    # OpenTofu says "tofu".
    return Version(str(raw.get("terraform") or raw.get("tofu") or ""), str(raw.get("@message", "")))


def _planned(raw: Mapping[str, Any]) -> Message:
    change = raw["change"]
    return ResourceChange("planned", str(change["resource"]["addr"]), str(change["action"]))


def _applied(stage: str, hook: Mapping[str, Any]) -> Message:
    elapsed_s = int(hook.get("elapsed_seconds", 0))
    return ResourceChange(stage, str(hook["resource"]["addr"]), str(hook["action"]), elapsed_s)


def _provisioned(stage: str, hook: Mapping[str, Any]) -> Message:
    return Provision(stage, str(hook["resource"]["addr"]), str(hook["provisioner"]), str(hook.get("output", "")))


def _summary(raw: Mapping[str, Any]) -> Message:
    changes = raw["changes"]
    return ChangeSummary(str(changes["operation"]), int(changes["add"]), int(changes["change"]), int(changes["remove"]))


def _outputs(raw: Mapping[str, Any]) -> Message:
    return Outputs(tuple(sorted(raw["outputs"])))


def _diagnostic(raw: Mapping[str, Any]) -> Message:
    return parse_diagnostic(raw["diagnostic"])


def _other(raw: Mapping[str, Any]) -> Message:
    return Other(str(raw.get("type", "")), str(raw.get("@message", "")))


_STAGES = frozenset({"start", "progress", "complete", "errored"})
_HOOKS: dict[str, Callable[[str, Mapping[str, Any]], Message]] = {"apply": _applied, "provision": _provisioned}
_READERS: dict[str, Callable[[Mapping[str, Any]], Message]] = {
    "version": _version,
    "planned_change": _planned,
    "change_summary": _summary,
    "outputs": _outputs,
    "diagnostic": _diagnostic,
}
