"""Policy files: YAML that OPA reads too, read with suspicion."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from skytf.errors import InputError
from skytf.policy.modules import clouds
from skytf.policy.rules import Encryption, Policy, UsdLimit, known_clouds_only

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# All rules stand below it, so that a file is data for OPA without meeting its other data.
NAMESPACE = "skytf_policy"
_MOST_BYTES = 1 << 20
_HINT = "docs/policy.md lists the rules, examples/policy.yaml shows a file"


def load(path: Path) -> Policy:
    """
    Return the rules of the YAML file at *path*.

    Raises:
        InputError: There is no such file, or it is no policy; the message names file, line and key.
    """
    raw, lines = _parsed(path, _text(path))
    if not isinstance(raw, dict) or set(raw) != {NAMESPACE} or not isinstance(raw[NAMESPACE], dict):
        what = "is empty" if raw is None else f"does not have its rules below {NAMESPACE}"
        raise InputError(f"the policy {path} {what}", hint=f"begin it with {NAMESPACE}: and indent the rules below it")
    rules = raw[NAMESPACE]
    if not rules:
        raise InputError(f"the policy {path} has no rules", hint=_HINT)
    try:
        _check_values(rules)
        policy = Policy.model_validate(rules)
    except ValidationError as error:
        raise _complaint(path, error.errors(include_url=False)[0], lines) from error
    except _NoValue as missing:
        where = _line(lines, missing.keys)
        raise InputError(f"the policy {path}{where}: {'.'.join(missing.keys)} has no value", hint=_HINT) from None
    if cloud := known_clouds_only(policy, clouds()):
        where = _line(lines, ("allowed_instance_types", cloud))
        raise InputError(f"the policy {path}{where}: there is no cloud {cloud!r}", hint=f"known: {', '.join(clouds())}")
    return policy


class _NoValue(Exception):
    """A key with nothing after it: a rule that somebody forgot to write."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(keys)
        self.keys = keys


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"the policy {path} is larger than 1 MiB", hint=_HINT)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        text = f"the policy {path} cannot be read: {error.strerror or error}"
        raise InputError(text, hint="give a YAML file to --policy") from error
    except ValueError as error:
        raise InputError(f"the policy {path} is no UTF-8 text", hint="give a YAML file to --policy") from error


def _parsed(path: Path, text: str) -> tuple[Any, dict[tuple[str, ...], int]]:
    """Return what *text* holds, and the line of each key; the keys of a mapping must differ."""
    import yaml  # noqa: PLC0415  # only who has a policy pays for it

    lines: dict[tuple[str, ...], int] = {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                place = f" line {event.start_mark.line + 1}"
                raise InputError(f"the policy {path}{place}: an alias (*{event.anchor})", hint="write it out")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _note_lines(path, node, (), lines)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark is not None else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"the policy {path}{place} is no YAML: {problem}", hint=_HINT) from error
    except (RecursionError, ValueError, OverflowError) as error:
        raise InputError(f"the policy {path} is no policy: {type(error).__name__}", hint=_HINT) from error


def _note_lines(path: Path, node: Any, keys: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if getattr(node, "id", "") != "mapping":
        return
    for key, value in node.value:
        name = (*keys, str(key.value))
        line = key.start_mark.line + 1
        if name in lines:
            text = f"the policy {path} line {line}: {name[-1]} stands there twice, first in line {lines[name]}"
            raise InputError(text, hint="leave one of them out")
        lines[name] = line
        _note_lines(path, value, name, lines)


def _check_values(rules: dict[Any, Any], keys: tuple[str, ...] = ()) -> None:
    for key, value in rules.items():
        if value is None or value == {}:
            raise _NoValue((*keys, str(key)))
        if isinstance(value, dict):
            _check_values(value, (*keys, str(key)))


def _complaint(path: Path, error: ErrorDetails, lines: dict[tuple[str, ...], int]) -> InputError:
    keys = tuple(str(one) for one in error["loc"])
    where = f"the policy {path}{_line(lines, keys)}"
    if error["type"] != "extra_forbidden":
        # What pydantic puts before the words of our own checks says nothing.
        return InputError(f"{where}: {'.'.join(keys)}: {error['msg'].removeprefix('Value error, ')}", hint=_HINT)
    model: type[BaseModel] = {"encryption": Encryption}.get(keys[0], UsdLimit) if len(keys) > 1 else Policy
    known = sorted(model.model_fields)
    close = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return InputError(f"{where}: there is no rule {'.'.join(keys)}", hint=hint)


def _line(lines: dict[tuple[str, ...], int], keys: tuple[str, ...]) -> str:
    """Return the line of *keys*, or of the nearest key above it: what is in a list has none."""
    for end in range(len(keys), 0, -1):
        if line := lines.get((NAMESPACE, *keys[:end])):
            return f" line {line}"
    return ""
